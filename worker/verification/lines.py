"""A text's lines, counted alike wherever places are named: by the search, in what judges read, in citations."""


def of(text: str) -> list[str]:
    """The lines without their ends, which are CR, LF or CRLF; a last end begins no further line. Form feeds and the
    separators of Unicode end none: editors and analyzers do not count by them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines
