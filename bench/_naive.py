"""The overview as most code would write it: a boto3 session per request, a client per helper that
needs one, calls one after the other."""

from __future__ import annotations

import os
from typing import Any

import boto3
from flask import Flask, render_template_string

from bench._upstream import READS

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ.get("REDIS_URL")  # asked for where there are two workers; nothing is in it
PAGE = "<!doctype html><title>Overview</title><h1>Hello</h1>{% for part in parts %}<pre>{{ part }}</pre>{% endfor %}"


@app.get("/")
def index() -> str:
    """What the portal's overview reads."""
    session = boto3.Session("ASIA" + "A" * 16, "s" * 40, "token", region_name="us-east-1")

    def iam() -> Any:
        return session.client("iam", endpoint_url=os.environ["AWS_ENDPOINT_URL_IAM"])

    parts = [getattr(iam(), read)(UserName="olga") for read in READS] + [iam().list_account_aliases()]
    return render_template_string(PAGE, parts=parts)
