"""Mail: a message to one recipient, as plain text, and what its server said.

apprise 2.3.0 hands one message to several recipients and calls the whole a failure if one was
refused; it does not say which, nor whether a failure came before or after the text. So the
settings are apprise's, and the conversation is the standard library's.
"""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from . import deadline
from .alarms import Message
from .outcome import ARRIVED, SendOutcome, refused, unanswered

if TYPE_CHECKING:
    from typing import Any

_WORDS = {
    421: "the server is busy or closes",
    530: "the server wants a login, or TLS",
    535: "wrong user or password",
    550: "no such recipient, or it is not allowed",
    552: "the mailbox is full",
    553: "the server does not take this sender or recipient",
    554: "the server does not take it",
}


@dataclass(frozen=True)
class MailBox:
    """One recipient at a mail server. `security`: insecure, starttls or ssl."""

    host: str
    port: int
    security: str
    sender: tuple[str, str]  # name and address
    recipient: tuple[str, str]
    reply_to: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    verify: bool = True

    def send(self, message: Message) -> SendOutcome:
        """Whether the server has it."""
        handed = False
        try:
            letter = self.letter(message)
            with self._opened() as server:
                _say(server.mail(self.sender[1]), 250)
                _say(server.rcpt(self.recipient[1]), 250, 251)
                handed = True
                _say(server.data(letter), 250)
        except smtplib.SMTPResponseException as error:
            return _answered(error.smtp_code, handed=handed)
        except smtplib.SMTPNotSupportedError:
            return refused("the server offers no TLS or no login")
        except ssl.SSLCertVerificationError:
            return refused("the server's certificate is not trusted")
        except UnicodeError:
            return refused("an address that the server does not know to spell")
        except (OSError, smtplib.SMTPException) as error:
            away = "it cannot be reached, or hung up"
            return unanswered(f"it hung up ({type(error).__name__})") if handed else refused(away)
        return ARRIVED

    def letter(self, message: Message) -> bytes:
        """The message as RFC 5322 has it, its lines kept."""
        letter = EmailMessage(SMTP)
        for name, value in self.headers.items():
            letter[name] = _line(value)
        letter["Subject"] = _line(message.title)
        letter["From"], letter["To"] = _address(self.sender), _address(self.recipient)
        if self.reply_to:
            letter["Reply-To"] = ", ".join(map(_line, self.reply_to))
        letter["Date"] = localtime()
        letter["Message-ID"] = make_msgid(domain=self.sender[1].rpartition("@")[2])
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers of absence
        # base64: not every server takes 8 bits.
        letter.set_content(f"{message.body}\n", cte="base64")
        return letter.as_bytes()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        server: smtplib.SMTP
        seconds = deadline.READ_SECONDS
        if self.security == "ssl":
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=seconds, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=seconds)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.login is not None:
                server.login(*self.login)
            yield server
            # It has the message: whatever it says to the farewell, and however slowly.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.putcmd("QUIT")
        finally:
            server.close()


def boxes_of(plugin: "Any") -> list[MailBox]:  # noqa: ANN401 - apprise ships no types
    """A box for each recipient that apprise read from a URL: to, cc and bcc."""
    names, seen = plugin.names, dict[str, tuple[str, str]]()
    others = [(names.get(address), address) for address in sorted(plugin.cc | plugin.bcc)]
    for name, address in [*plugin.targets, *others]:
        seen.setdefault(address.lower(), (name or "", address))
    login = (plugin.user, plugin.password) if plugin.user and plugin.password else None
    return [
        MailBox(
            plugin.smtp_host,
            plugin.port,
            plugin.secure_mode,
            (plugin.from_addr[0] or "", plugin.from_addr[1]),
            recipient,
            sorted(plugin.reply_to),
            dict(plugin.headers),
            login,
            plugin.verify_certificate,
        )
        for recipient in seen.values()
    ]


def named_in(url: str) -> int:
    """How many recipients the URL's to, cc and bcc name. apprise leaves out what is no address."""
    values = parse_qs(urlsplit(url).query)
    texts = ",".join(text for key in ("to", "cc", "bcc") for text in values.get(key, []))
    pieces = {piece.strip().lower() for piece in re.split("[,;]", texts)}
    return len(pieces - {""})


def _say(answer: tuple[int, bytes], *good: int) -> None:
    if answer[0] not in good:
        raise smtplib.SMTPResponseException(*answer)


def _answered(code: int, *, handed: bool) -> SendOutcome:
    if handed and not 400 <= code < 600:
        return unanswered("its answer to the text is none of SMTP")
    words = _WORDS.get(code)
    return refused(f"smtp {code}: {words}" if words else f"smtp {code}")


def _line(text: str) -> str:
    """A header is a line, whatever it was made of."""
    return " ".join(text.split())


def _address(person: tuple[str, str]) -> Address:
    name, address = person
    return Address(_line(name), addr_spec=address)
