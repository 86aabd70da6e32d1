"""A bad configuration stops the start with a sentence that names the line."""

import pytest

from commands.toml_lines import line_of

TEXT = """# Lattice
data_dir = "/var/lib/lattice"

[gateway]
port = 8080

[[llm.endpoints]]
name = "a"
base_url = "http://x/v1"

[[llm.endpoints]]
name = "b"
breaker.open_s = -1
persona = \"\"\"
[[llm.endpoints]]
name = "not a table"
\"\"\"

[llm.endpoints.more]
deep = 1

[llm.aliases]
"fast one" = ["x"]
"""


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (("gateway", "port"), 5),
        (("llm", "endpoints", 0, "name"), 8),
        (("llm", "endpoints", 1, "name"), 12),
        (("llm", "endpoints", 1, "breaker", "open_s"), 13),
        (("llm", "endpoints", 0, "dialect"), 7),
        (("llm", "endpoints", 1, "more", "deep"), 20),
        (("llm", "aliases", "fast one", 0), 23),
        (("thinking", "persona"), None),
    ],
)
def test_the_line_of_a_setting_or_of_what_it_is_missing_from(setting, line) -> None:
    assert line_of(TEXT, setting) == line
