"""Mail on its way out: rows with a state, bytes that never change, one drain per account."""
