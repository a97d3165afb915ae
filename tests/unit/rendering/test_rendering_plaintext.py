"""HTML read aloud: what the text part says."""

from __future__ import annotations

import pytest

from campaigns.rendering.plaintext import read_aloud


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Un</p><p>Deux</p>", "Un\n\nDeux"),
        ("<h1>Titre</h1>\n<p>Un\n  deux   trois</p>", "Titre\n\nUn deux trois"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>un</li><li>deux <b>gras</b></li></ul><p>x</p>", "- un\n- deux gras\n\nx"),
        ("<ol><li>un</li><li>deux</li></ol>", "1. un\n2. deux"),
        ("<ul><li>un<ul><li>dedans</li></ul></li><li>deux</li></ul>", "- un\n  - dedans\n- deux"),
        ("<ul><li><p>un</p></li><li><p>deux</p></li></ul>", "- un\n- deux"),
        ('<a href="https://x.example">ici</a> ou là', "ici <https://x.example> ou là"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="tel:+33123">01 23</a>', "01 23"),
        ('<a href="tel:+33123">appelez</a>', "appelez <+33123>"),
        ('<a href="tel:+33123"><img src="a.png"></a>', "+33123"),
        ('<a href="tel:+33123">+33 123, 24 h</a>', "+33 123, 24 h <+33123>"),
        ('<a href="mailto:a@x.example?subject=Oui&amp;body=x">écrire</a>', "écrire <a@x.example>"),
        ('<a href="mailto:a@x.example?subject=Oui">a@x.example</a>', "a@x.example"),
        ('<a href="mailto:?subject=Lis">partager</a>', "partager"),
        ('<a href="#top">haut</a>', "haut"),
        ('<a href="https://x.example"><img src="a.png" alt="Bague"></a>', "[Bague] <https://x.example>"),
        ('<img src="a.png" alt="">', ""),
        ("<style>p {}</style><title>x</title><script>y</script><p>z</p>", "z"),
        ('<p hidden>non</p><div data-text="skip"><p>non</p></div>oui', "oui"),
        ("<blockquote><p>cité</p><p>encore</p></blockquote><p>x</p>", "> cité\n\n> encore\n\nx"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a  b\n1  2"),
        ('<div style="display:none;max-height:0">non <b>non</b></div><p>oui</p>', "oui"),
        ('<p style="color: red; DISPLAY : none">non</p><p style="x-display:none">oui</p>', "oui"),
        ("<table><tr><th></th><th>a</th></tr><tr><td>1</td><td> </td><td>2</td></tr></table>", "–  a\n1  –  2"),
        ("<table><tr><td></td><td>a</td><td></td></tr></table>", "a"),
        ("<table><tr><th><p>a</p></th><th></th></tr></table>", "a"),
        ("<table><tr><th>b</th><th><table><tr><td></td><td>a</td></tr></table></th></tr></table>", "b\n\na"),
        ("<p>x</p><hr><p>y</p>", "x\n\n———\n\ny"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("caf&eacute; &amp; th&#233;&shy;", "café & thé"),
        ("<p>pas fermé<p>suite</div>", "pas fermé\n\nsuite"),
        ("", ""),
    ],
)
def test_html_is_read_aloud(html: str, text: str) -> None:
    assert read_aloud(html) == text
