"""A secret that does not show itself by accident."""


class Secret:
    """Bytes whose `repr` is masked and whose equality takes constant time.

    Python cannot wipe memory: this guards against logs and tracebacks, not against
    a reader of the process's memory.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves; the call is what a reviewer looks for."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        # Not at the top: `--help` would pay for it.
        from hmac import compare_digest

        return isinstance(other, Secret) and compare_digest(self._value, other._value)

    # A hash would be a shortcut around the constant-time comparison.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")
