"""What a reader that types becomes under another keyboard layout. For hints, never for reading.

A reader in keyboard mode sends the keys of a US keyboard. On a computer that is set to a
German or a French keyboard other characters come out, and some of them make a well-formed
code that is another one: a Y for a Z. So no text is exchanged back and taken. Pure.
"""

_US = "`1234567890-=qwertyuiop[]asdfghjkl;'zxcvbnm,./"
_US_SHIFT = '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
_DE = "^1234567890ß´qwertzuiopü+asdfghjklöäyxcvbnm,.-"
_DE_SHIFT = '°!"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄYXCVBNM;:_'
_FR = "²&é\"'(-è_çà)=azertyuiop^$qsdfghjklmùwxcvbn,;:!"
_FR_SHIFT = "²1234567890°+AZERTYUIOP¨£QSDFGHJKLM%WXCVBN?./§"


def _exchange(plain: str, shifted: str) -> dict[int, str]:
    """Character that came out → the character that was sent."""
    return {
        ord(out): sent
        for outs, sents in ((shifted, _US_SHIFT), (plain, _US))
        for out, sent in zip(outs, sents, strict=True)
    }


_GERMAN = _exchange(_DE, _DE_SHIFT)
_FRENCH = _exchange(_FR, _FR_SHIFT)
# With CapsLock on, a French keyboard types the digits, and letters in upper case.
_FRENCH_CAPS = {**_FRENCH, **{ord(d): d for d in "0123456789"}}
# A German keyboard exchanges the letters under CapsLock too: the same table.
_LAYOUTS = (("German", _GERMAN), ("French", _FRENCH), ("French", _FRENCH_CAPS))


def exchanged(text: str) -> tuple[tuple[str, str], ...]:
    """(layout, what was sent if the computer is set to it), where that differs from `text`."""
    found = ((name, text.translate(table)) for name, table in _LAYOUTS)
    return tuple((name, sent) for name, sent in found if sent != text)
