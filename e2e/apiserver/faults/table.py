"""All rows; `test_fault_table.py` does each one, and `docs/faults.md` shows them."""

from __future__ import annotations

from e2e.apiserver.faults.fault import Fault
from e2e.apiserver.faults.mended import HELD, MENDED, ON_PURPOSE
from e2e.apiserver.faults.nodes import NODES_THAT_GO
from e2e.apiserver.faults.ownership import EDITED, TAKEN
from e2e.apiserver.faults.pods import PODS
from e2e.apiserver.faults.quotas import QUOTAS
from e2e.apiserver.faults.references import REFERENCES, WARM_UP
from e2e.apiserver.faults.refusals import REFUSALS
from e2e.apiserver.faults.sidecars import SIDECARS

SECTIONS: dict[str, tuple[Fault, ...]] = {
    "Pods that do not serve": PODS,
    "What sidecars do": SIDECARS,
    "Nodes that go away": NODES_THAT_GO,
    "What the API server refuses the operator": REFUSALS,
    "What a quota leaves no room for": QUOTAS,
    "References": REFERENCES,
    "Warm-up": WARM_UP,
    "Names that others have": TAKEN,
    "What the operator repairs": (*MENDED, *EDITED, *HELD),
    "What looks like a fault and is wanted": ON_PURPOSE,
}
