"""Importing the package stays cheap: channels need the value Content, not the template engine."""

from __future__ import annotations

import subprocess
import sys


def test_content_is_imported_without_template_markdown_or_locale_libraries() -> None:
    script = (
        "import sys; from campaigns.rendering import Content, Renderer, facts, gather, persona_contact;"
        "print([name for name in ('jinja2', 'markdown_it', 'babel', 'css_inline') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_check_needs_no_markdown_and_no_locale_library() -> None:
    script = (
        "import sys; from campaigns.loader import restore; from campaigns.rendering import Renderer\n"
        "touch = {'id': 'a', 'channel': 'email', 'subject': 'x', 'template': 'a.md', 'purpose': 'transactional'}\n"
        "stage = {'stage': 's', 'kind': 'loyalty', 'touches': [touch]}\n"
        "made = restore({'campaign': 'c', 'stages': [stage]})\n"
        "assert Renderer(made, {'a.md': '{{ touch.now | date }}'}).check() == ()\n"
        "print([name for name in ('markdown_it', 'css_inline') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
