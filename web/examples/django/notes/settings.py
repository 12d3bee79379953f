from pathlib import Path

HERE = Path(__file__).parent

ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HERE / "notes.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["notes", "pyqueue.server.django"]
MIDDLEWARE = [
    "django.middleware.csrf.CsrfViewMiddleware",
    "pyqueue.server.django.middleware.IdempotencyMiddleware",
]
PYQUEUE = {"TASKS": HERE / "tasks.py"}
ROOT_URLCONF = "notes.urls"
SECRET_KEY = "of the example only"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
