"""The proofs of all topics."""

from tests.worker.verification.static.proofs import code, data, errors, names, required
from tests.worker.verification.static.proofs.proof import Case, Proof

__all__ = ["PROOFS", "Case", "Proof"]

PROOFS = (*code.PROOFS, *data.PROOFS, *names.PROOFS, *errors.PROOFS, *required.PROOFS)
