"""The WSGI application: `gunicorn wsgi:app`, `flask --app wsgi ...`."""

import os

from app.factory import create_app
from config import from_env

app = create_app(from_env(os.environ))
