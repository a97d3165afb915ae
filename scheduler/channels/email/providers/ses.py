"""Amazon SES, API v2: our own MIME bytes, signed by Signature Version 4.

SES writes Message-ID and Date anew and adds its own DKIM signature; all other headers stay. It takes no second request
for the first, so what is unknown stays so. Sources: the pages SendEmail and CommonErrors of
https://docs.aws.amazon.com/ses/latest/APIReference-V2/ and `header-fields` of the developer guide.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from scheduler.channels.account import Account
from scheduler.channels.base import Message, Receipt
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.providers.answers import Answer, Said, discreet
from scheduler.channels.email.providers.base import Request, tag, written
from scheduler.channels.email.providers.sigv4 import Credentials, Scope, sign

FIELDS = ("access_key_id", "secret_access_key", "session_token", "region", "configuration_set", "endpoint")
_PATH = "/v2/email/outbound-emails"
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]\Z")
_SET = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FAULT = re.compile(r"[A-Za-z]{1,80}")
# Refusals of the whole account, by the name of the error.
_DOWN = frozenset(
    {
        "AccountSuspendedException",
        "SendingPausedException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",  # the configuration set
        "ExpiredTokenException",
        "IncompleteSignature",
        "RequestExpired",
    }
)
_LATER = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"})
# The day's quota and not the second's rate: nothing goes for a while, whoever it is for.
_DAILY = re.compile(r"daily", re.IGNORECASE)
# MessageRejected says both: of the account, or of this mail.
_NOT_VERIFIED = re.compile(r"not verified", re.IGNORECASE)
_STOPPED = re.compile(r"sending (?:is )?(?:suspended|paused|disabled)", re.IGNORECASE)
_OF_THIS_MAIL = re.compile(
    r"virus|message (?:length|is too long)|illegal (?:address|recipient)|missing final|local (?:address|part) contains"
    r"|domain (?:contains|starts|ends)|address list|suppress",
    re.IGNORECASE,
)


class Ses:
    """Words mails for one region of Amazon SES."""

    name = "Amazon SES"
    keeps_keys = False

    def __init__(self, fields: Mapping[str, SecretStr]) -> None:
        account = Account("ses", fields, FIELDS)
        region = account.word("region", _REGION, "eu-west-1")
        self._credentials = Credentials(
            account.token("access_key_id"),
            account.token("secret_access_key"),
            account.token("session_token", required=False),
        )
        self._scope = Scope(region, "ses")
        self._set = account.word("configuration_set", _SET, "campaigns", default="")
        self._endpoint = account.endpoint(f"https://email.{region}.amazonaws.com")
        self._host = urlsplit(self._endpoint).netloc
        self.place = f"{self.name}, {region}"
        secrets = (self._credentials.secret_access_key, self._credentials.session_token, account.token("access_key_id"))
        self.secrets = tuple(filter(None, secrets))

    def request(self, message: Message, mail: Mail, now: datetime) -> Request:
        """Return the signed request; what comes back of the mail is sent to its return path, where it has one."""
        tags = (("campaign", message.campaign), ("edition", message.edition), ("touch", message.touch))
        body: dict[str, object] = {
            "Content": {"Raw": {"Data": b64encode(mail.data).decode()}},
            "Destination": {"ToAddresses": [mail.recipient.address]},
            "EmailTags": [{"Name": name, "Value": tag(value)} for name, value in tags if value],
        }
        if mail.return_path != mail.sender:
            body["FeedbackForwardingEmailAddress"] = mail.return_path.address
        if self._set:
            body["ConfigurationSetName"] = self._set
        data = written(body)
        headers = {"Host": self._host, "Content-Type": "application/json"}
        signed = sign(self._credentials, self._scope, "POST", _PATH, headers, data, now)
        return Request(self._endpoint + _PATH, signed, data)

    def judge(self, answer: Answer) -> Receipt:
        """Return the receipt with SES's MessageId, which its notifications name."""
        if 200 <= answer.status < 300 and (given := discreet(answer.text("MessageId"))):
            return Receipt(given, f"{answer.status} from {self.name}")
        fault = _fault(answer)
        text = answer.text("message") or answer.text("Message")
        said = Said(self.name, answer, discreet(f"{fault}: {text}" if text else fault, self.secrets))
        if not 400 <= answer.status < 500:
            raise said.usual()
        if fault in _LATER:
            raise said.down("the day's quota is used up: ask AWS for more") if _DAILY.search(text) else said.later()
        if fault in _DOWN or (fault == "MessageRejected" and _STOPPED.search(text)):
            raise said.down("look at the sending status, the identities and the credentials at AWS")
        if fault == "MessageRejected" and _NOT_VERIFIED.search(text):
            raise said.ours("verify the sending domain at AWS, and leave the sandbox")
        if fault in ("MessageRejected", "BadRequestException") and _OF_THIS_MAIL.search(text):
            raise said.refused()
        raise said.usual()


def _fault(answer: Answer) -> str:
    """Return the name of the error: of the header `x-amzn-ErrorType`, else of the body, without what surrounds it."""
    told = answer.headers.get("x-amzn-errortype", "") or answer.text("__type") or answer.text("code")
    found = _FAULT.match(told.partition(":")[0].rpartition("#")[2].strip())
    return found[0] if found is not None else ""
