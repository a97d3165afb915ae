"""One drip of django-drip-campaigns over its users, on SQLite with the in-memory mail backend; used by delivery.py."""

import sys
import tempfile
from time import perf_counter

import django
from django.conf import settings

users = int(sys.argv[1])
folder = tempfile.mkdtemp()
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites", "drip"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/drip.db"}},
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    DEFAULT_FROM_EMAIL="Boutique <bonjour@shop.example>",
    DRIP_FROM_EMAIL="Boutique <bonjour@shop.example>",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    SECRET_KEY="benchmark",
    SITE_ID=1,
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from drip.models import Drip, QuerySetRule  # noqa: E402

BODY = """<table>{% for n in "123456" %}<tr><td>{{ n }}</td>
<td><a class="b" href="https://shop.example/p/{{ n }}?who={{ user.pk }}">Bague {{ n }}</a></td><td>{{ n }}00 €</td></tr>
{% endfor %}</table><p>Merci, {{ user.first_name }}, et a bientot dans notre boutique. Nous sommes ouverts du mardi au
samedi, de dix heures a dix-neuf heures, et chaque jour en decembre.</p>"""

call_command("migrate", verbosity=0, run_syncdb=True)
User = get_user_model()
User.objects.bulk_create(
    User(username=f"p{n}", email=f"p{n}@example.org", first_name="Léa", is_staff=False) for n in range(users)
)
drip = Drip.objects.create(name="offer", enabled=True, subject_template="Offre", body_html_template=BODY)
QuerySetRule.objects.create(drip=drip, field_name="username", lookup_type="icontains", field_value="p")
begun = perf_counter()
sent = drip.drip.run()
spent = perf_counter() - begun
assert sent == users, f"{sent} of {users} sent"
print(users / spent)
