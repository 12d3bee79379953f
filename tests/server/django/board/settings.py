"""A site with the middlewares that `startproject` gives, in the database that the environment names."""

import json
import os

ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["BOARD_DATABASE"])}
DATA_UPLOAD_MAX_MEMORY_SIZE = 50_000
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "board",
    "pyqueue.server.django",
]
LOGIN_URL = "/accounts/login/"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pyqueue.server.django.middleware.IdempotencyMiddleware",
    "board.holding.HoldingMiddleware",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PYQUEUE = {"MAX_BODY": 200_000, "MAX_RESPONSE": 100_000, "LEASE": 50.0}
ROOT_URLCONF = "board.urls"
SECRET_KEY = "of the tests"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
