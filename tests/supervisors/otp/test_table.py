"""The table of cases in docs/supervision-cases.md says where each case is tested, and why one is not."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = re.findall(
    r"^\| (\w+) \| ([\w.-]+) \|(.*)\|$", (HERE.parents[2] / "docs" / "supervision-cases.md").read_text(), re.MULTILINE
)


def test_every_case_of_the_table_is_where_it_says():
    rows = {case: (where, remark) for case, where, remark in ROWS if case != "case"}
    tested = {
        name: path.name for path in HERE.glob("test_*.py") for name in re.findall(r"def test_otp_(\w+)\(", path.read_text())
    }

    assert {case: where for case, (where, _) in rows.items() if where != "-"} == tested
    assert len(rows) == 96
    assert all(remark.strip().startswith("Erlang-only") for where, remark in rows.values() if where == "-")
