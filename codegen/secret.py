"""A secret that does not show itself by accident."""


class Secret:
    """Bytes whose `repr` is masked and whose equality takes constant time.

    Python cannot wipe memory: this guards against logs and tracebacks, and not against
    whoever reads the memory of the process.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves. A reviewer finds every use by this name."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        # Not at the top: the import would slow down `--help`.
        from hmac import compare_digest

        return isinstance(other, Secret) and compare_digest(self._value, other._value)

    # In a set or a dict the hash would be compared first, and not in constant time.
    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")
