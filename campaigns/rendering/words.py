"""The few words the product itself puts into a message, in the languages a campaign may be written in."""

from __future__ import annotations

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "unsubscribe": "Unsubscribe",
        "because": "You receive this message because you agreed to hear from us.",
        "code": "Your code",
        "until": "Valid until",
        "order": "Order",
        "total": "Total",
        "at": "at",
        "colon": ":",
    },
    "fr": {
        "unsubscribe": "Se désinscrire",
        "because": "Vous recevez ce message parce que vous avez accepté de recevoir nos nouvelles.",
        "code": "Votre code",
        "until": "Valable jusqu'au",
        "order": "Commande",
        "total": "Total",
        "at": "à",
        "colon": "\u00a0:",
    },
    "ro": {
        "unsubscribe": "Dezabonare",
        "because": "Primiți acest mesaj pentru că ați acceptat să primiți noutăți de la noi.",
        "code": "Codul dumneavoastră",
        "until": "Valabil până la",
        "order": "Comanda",
        "total": "Total",
        "at": "la",
        "colon": ":",
    },
    "ru": {
        "unsubscribe": "Отписаться",
        "because": "Вы получили это письмо, потому что согласились получать наши новости.",
        "code": "Ваш код",
        "until": "Действует до",
        "order": "Заказ",
        "total": "Итого",
        "at": "в",
        "colon": ":",
    },
    "es": {
        "unsubscribe": "Darse de baja",
        "because": "Recibe este mensaje porque aceptó recibir nuestras novedades.",
        "code": "Su código",
        "until": "Válido hasta el",
        "order": "Pedido",
        "total": "Total",
        "at": "a las",
        "colon": ":",
    },
    "de": {
        "unsubscribe": "Abmelden",
        "because": "Sie erhalten diese Nachricht, weil Sie unseren Neuigkeiten zugestimmt haben.",
        "code": "Ihr Code",
        "until": "Gültig bis",
        "order": "Bestellung",
        "total": "Gesamt",
        "at": "um",
        "colon": ":",
    },
}


def words(language: str) -> dict[str, str]:
    """Return the product's own words in `language` (en fr ro ru es de), English where it is another."""
    return _WORDS.get(language, _WORDS["en"])
