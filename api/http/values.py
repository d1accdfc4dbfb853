"""Values of bodies, as JSON Schema has them."""


def is_a_number(value: object) -> object:
    """Before the validation of an integer that is not strict: 3.0 is one, and neither true nor "3" is."""
    if isinstance(value, str | bool):
        raise ValueError("Input should be a valid integer")
    return value
