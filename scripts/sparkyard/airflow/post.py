"""A notice on its way: the type of a connection says which."""

import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx

Notice = dict[str, Any]
SECONDS = 20
LONGEST = 3900  # characters; Telegram takes 4096


def post(connection: Any, notice: Notice, text: str) -> None:
    kind = connection.conn_type or ""
    if kind not in WAYS:
        raise ValueError(f"no way to send by a connection of type {kind!r}; there are {', '.join(sorted(WAYS))}")
    WAYS[kind](connection, notice, text[:LONGEST])


def _url(connection: Any, secret: str = "") -> str:
    """Of the host, which may be a whole address; the secret is the end of it, where a service wants it so."""
    host = connection.host or ""
    base = host if "://" in host else f"{connection.schema or 'https'}://{host}" + (f":{connection.port}" if connection.port else "")
    return f"{base.rstrip('/')}/{secret}" if secret else base


def _send(url: str, body: Any, **headers: str) -> None:
    try:
        answer = httpx.post(url, json=body, headers=headers, timeout=SECONDS)
    except httpx.HTTPError as error:
        raise OSError(f"{httpx.URL(url).host} does not answer: {type(error).__name__}") from None  # the address may hold a secret
    if answer.is_error:
        raise OSError(f"{httpx.URL(url).host} answered {answer.status_code}: {answer.text[:200]}")


def send_hook(connection: Any, notice: Notice, text: str) -> None:
    token = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
    _send(_url(connection), notice, **token)


def send_slack(connection: Any, notice: Notice, text: str) -> None:
    _send(_url(connection, connection.password or ""), {"text": text})


def send_teams(connection: Any, notice: Notice, text: str) -> None:
    blocks = [{"type": "TextBlock", "wrap": True, "text": line} for line in text.splitlines() if line]
    actions = [{"type": "Action.OpenUrl", "title": name, "url": link} for name, link in notice["links"].items()]
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks, "actions": actions}
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    _send(_url(connection, connection.password or ""), {"type": "message", "attachments": [content]})


def send_telegram(connection: Any, notice: Notice, text: str) -> None:
    """The host is the chat, as Airflow's own connections of this type have it; the password the bot's token."""
    api = connection.extra_dejson.get("api", "https://api.telegram.org")
    _send(f"{api}/bot{connection.password}/sendMessage", {"chat_id": connection.host, "text": text})


def send_mail(connection: Any, notice: Notice, text: str) -> None:
    extra = connection.extra_dejson
    mail = EmailMessage()
    mail["Subject"], mail["To"] = f"{notice['task']} failed", extra["to"]
    mail["From"] = extra.get("from_email") or connection.login
    mail.set_content(text)
    with _connect(connection, plain=extra.get("disable_ssl", False)) as server:
        if extra.get("disable_ssl", False) and not extra.get("disable_tls", False):
            server.starttls(context=ssl.create_default_context())
        if connection.login:
            server.login(connection.login, connection.password or "")
        server.send_message(mail)


def _connect(connection: Any, plain: bool) -> smtplib.SMTP:
    host = connection.host or "localhost"
    if plain:
        return smtplib.SMTP(host, connection.port or 25, timeout=SECONDS)
    return smtplib.SMTP_SSL(host, connection.port or 465, timeout=SECONDS, context=ssl.create_default_context())


WAYS: dict[str, Callable[[Any, Notice, str], None]] = {
    "http": send_hook,
    "slackwebhook": send_slack,
    "msteams": send_teams,
    "telegram": send_telegram,
    "smtp": send_mail,
}
