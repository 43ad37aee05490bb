"""A second opinion on expressions: what the plain-Python reading of the language says."""

from vocative.testing import expression_oracle as oracle


def evaluate(node, row, now, in_segment=None, score=None, zone="UTC"):
    """The value of a checked tree for a row; None is unknown."""
    subject = oracle.subject_of(row, now=now, zone=zone, in_segment=in_segment, score=score)
    return oracle.evaluate(node, subject)
