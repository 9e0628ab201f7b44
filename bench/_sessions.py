"""`python -m bench._sessions N NAME`: N sessions with MFA of a user, where the portal keeps them.

Prints their cookies and the tokens of their forms as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta

from flask import session
from flask_wtf.csrf import generate_csrf
from werkzeug.local import LocalProxy

import config
from app.aws.clients import AwsCredentials
from app.factory import create_app
from app.sessions import current
from app.sessions.contents import Person

app = create_app(config.from_env(os.environ))
made = []
for _ in range(int(sys.argv[1])):
    with app.test_request_context("/", method="POST"):  # where people sign in, and where sessions are stored
        now, lasts = datetime.now(UTC), timedelta(hours=1)
        person = Person(
            "123456789012",
            sys.argv[2],
            "/",
            "aws",
            True,
            now,
            "AKIA" + "A" * 16,
            user_id=f"AIDA{sys.argv[2].upper()}",
        )
        current.sign_in(person, AwsCredentials("ASIA" + "A" * 16, "s" * 40, "t" * 300, now + lasts), lasts)
        token = generate_csrf()
        answer = app.make_response("")
        assert isinstance(session, LocalProxy)
        app.session_interface.save_session(app, session._get_current_object(), answer)
        made.append((answer.headers["Set-Cookie"].partition(";")[0], token))
print(json.dumps(made))
