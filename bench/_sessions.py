"""`python -m bench._sessions N`: N sessions with MFA in the portal's database; prints their cookies as JSON."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta

from flask import session
from werkzeug.local import LocalProxy

import config
from app import people
from app.aws.clients import AwsCredentials
from app.factory import create_app
from app.records import Person

app = create_app(config.from_env(os.environ))
cookies = []
for _ in range(int(sys.argv[1])):
    with app.test_request_context("/"):
        now, lasts = datetime.now(UTC), timedelta(hours=1)
        olga = Person("123456789012", "olga", "/", "aws", True, now, "AKIA" + "A" * 16, user_id="AIDAOLGA")
        people.sign_in(olga, AwsCredentials("ASIA" + "A" * 16, "s" * 40, "t" * 300, now + lasts), lasts)
        answer = app.make_response("")
        assert isinstance(session, LocalProxy)
        app.session_interface.save_session(app, session._get_current_object(), answer)
        cookies.append(answer.headers["Set-Cookie"].partition(";")[0])
print(json.dumps(cookies))
