"""Email, by SMTP: the text as it is, and the same as HTML."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

from predictor.notify.base import Channel, Limited, Message, Refused, Rule, Unreachable

Security = Literal["ssl", "starttls", "none"]
_LOCAL = ("127.0.0.1", "::1", "localhost")


class Email(Channel):
    """Email to one or more addresses.

    Parameters
    ----------
    host, port
        The mail server.
    security
        "ssl" (port 465), "starttls" (port 587), or "none", which takes no password but to this
        machine itself.
    user, password
        How to log in; "" for not at all.
    sender
        Address it comes from; "" for `user`.
    to
        Addresses.
    timeout
        Seconds for each of the server's answers.
    """

    name = "email"
    rule = Rule(1_000_000, title=150)

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        user: str,
        password: str,
        sender: str,
        to: tuple[str, ...],
        *,
        timeout: float,
    ) -> None:
        self._host, self._port, self._security = host.strip(), port, security
        self._user, self._password = user.strip(), password
        self._sender, self._to, self._timeout = sender.strip() or user.strip(), to, timeout
        self.secrets = (password,)

    def deliver(self, message: Message) -> None:
        """Send it; every address must be taken.

        Raises
        ------
        Unreachable, Limited, Refused
            See `Channel.deliver`.
        """
        self._check()
        try:
            mail = self._mail(message)
            with self._server() as server:
                if self._user:
                    server.login(self._user, self._password)
                refused = server.send_message(mail, self._sender, self._to)
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(
                max(code for code, _ in error.recipients.values()), "the addresses"
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise _verdict(error.smtp_code, "the login") from None
        except smtplib.SMTPResponseException as error:
            raise _verdict(error.smtp_code, "the message") from None
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{self._host} cannot do that: {error}") from None
        except TimeoutError:
            raise Unreachable(f"{self._host} gave no answer within {self._timeout:g} s") from None
        except ssl.SSLError as error:
            raise Refused(f"{self._host}: no encrypted connection ({error.reason})") from None
        except (smtplib.SMTPException, OSError) as error:
            name = type(error).__name__
            raise Unreachable(f"{self._host} cannot be reached or broke off ({name})") from None
        except ValueError as error:  # an address that is none
            raise Refused(f"a setting of TIDE_NOTIFY_EMAIL_* cannot be used: {error}") from None
        if refused:
            names = ", ".join(sorted(refused))
            raise Refused(f"{self._host} took it for the others, but not for {names}")

    def _check(self) -> None:
        if not self._to:
            raise Refused("TIDE_NOTIFY_EMAIL_TO is not set")
        if not self._sender:
            raise Refused("set TIDE_NOTIFY_EMAIL_FROM or TIDE_NOTIFY_EMAIL_USER")
        if self._security == "none" and self._user and self._host not in _LOCAL:
            raise Refused("a password is not sent unencrypted: TIDE_NOTIFY_EMAIL_SECURITY=ssl")

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = message.title, self._sender, ", ".join(self._to)
        mail["Date"], mail["Message-ID"] = formatdate(localtime=True), make_msgid(domain="tide")
        mail.set_content(message.markdown)
        mail.add_alternative(html(message.markdown), subtype="html")
        return mail

    @contextlib.contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if self._security == "ssl":
            server = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._security == "starttls":
                server.starttls(context=context)
            yield server
        finally:
            # What was taken is taken, whatever the server says to the farewell.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()


def html(text: str) -> str:
    """Markdown as HTML; tags in it are shown, not obeyed.

    Examples
    --------
    >>> html("**1** <b>")
    '<p><strong>1</strong> &lt;b&gt;</p>'
    """
    import markdown

    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return markdown.markdown(safe, extensions=["tables", "sane_lists"])


def _verdict(code: int, what: str) -> Unreachable | Limited | Refused:
    """SMTP's own rule: 4xx passes, 5xx stays."""
    text = f"the mail server did not take {what} (SMTP {code})"
    if code in (450, 452):
        return Limited(text)
    return Unreachable(text) if code < 500 else Refused(text)
