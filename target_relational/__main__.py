"""`python -m target_relational`."""

from target_relational.target import TargetRelational

TargetRelational.cli()
