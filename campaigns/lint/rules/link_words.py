"""A link says where it leads: who has links read to them hears them without the sentence around (WCAG 2.4.4)."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

_EMPTY = frozenset(
    {
        *("click", "click here", "here", "link", "more", "read more", "this", "this link", "go"),
        *("cliquez", "cliquez ici", "ici", "lien", "ce lien", "en savoir plus", "lire la suite", "plus"),
        *("aici", "apăsați aici", "click aici", "faceți clic aici", "link-ul", "mai mult", "mai multe", "detalii"),
        *("здесь", "тут", "ссылка", "нажмите", "нажмите здесь", "жмите сюда", "подробнее", "перейти"),
        *("aquí", "haga clic", "haga clic aquí", "pulse aquí", "enlace", "más", "leer más", "ver más"),
        *("hier", "hier klicken", "klicken", "klicken sie hier", "mehr", "mehr lesen", "weiterlesen"),
    }
)


def check(view: View) -> Iterator[Trouble]:
    """Yield links whose words would fit any other link, and links without words."""
    for letter in view.letters:
        for link in letter.page.links:
            said = link.says.strip(" \u00a0.…!:;,>»→›").casefold()
            if said in _EMPTY:
                message = f"{letter.touch}: the link {link.says!r} does not say where it leads"
                yield Trouble(
                    message, letter.where(f"[{link.says}]", link.href, link.says), "name the goal: [see the rings]"
                )
            elif not said and not link.is_pictured:
                message = f"{letter.touch}: the link to {link.href[:60]} has no words"
                yield Trouble(message, letter.where(link.href), "name the goal: [see the rings]")


RULE = Rule("link-words", Level.NOTE, "links say where they lead", check, needs="letters")
