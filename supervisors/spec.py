"""The base of what supervisors keep and hand on; child specs and flags stand with the contracts, since they travel."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from actors.child_specs import ChildSpec, ChildTemplate, SupervisorSpec

__all__ = ["ChildSpec", "ChildTemplate", "Spec", "SupervisorSpec"]


class Spec(BaseModel):
    """Frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
