"""The pages of AWS Sign-In. Every URL contains the authorization request."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect, FlaskForm

from app.sandbox.auth.authority import of_console
from app.sandbox.auth.judge import Origin, judge
from app.sandbox.auth.permission_requests import Question
from app.sandbox.call_log import CallLog
from app.sandbox.exchange import Exchange
from app.sandbox.operations.passwords import current_hash
from app.sandbox.signin import console
from app.sandbox.signin.clients import SAME_DEVICE, BadRequest, asked, resource_of
from app.sandbox.signin.forms import CodeForm, EmptyForm, NewPasswordForm, PasswordForm
from app.sandbox.signin.state import CODE_LIFE, Arrival, AuthorizationRequest, Code, ConsoleSession, Grant
from app.sandbox.state import State

AUTHORIZE = "signin:AuthorizeOAuth2Access"


def make_pages(state: State, log: CallLog, hosts: frozenset[str]) -> Flask:
    """The pages as a separate application with its own cookies."""
    app = Flask(__name__, static_url_path="/v1/static")
    port = max(hosts).rpartition(":")[2]
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        SESSION_COOKIE_NAME=f"sandbox-sign-in-{port}",  # ports share cookies
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
    )
    CSRFProtect(app)
    _Pages(app, state, log)
    return app


class _Pages:
    def __init__(self, app: Flask, state: State, log: CallLog) -> None:
        self._state = state
        self._log = log
        self._guesses = console.Guesses()
        for path, methods, view in (
            ("/v1/authorize", ["GET", "POST"], self.authorize),
            ("/v1/sign-in", ["GET", "POST"], self.sign_in),
            ("/v1/code", ["GET", "POST"], self.code),
            ("/v1/new-password", ["GET", "POST"], self.new_password),
            ("/v1/other-user", ["POST"], self.other_user),
            ("/v1/sessions/confirmation", ["GET"], self.confirmation),
            ("/oauth", ["GET"], self.sign_out),
        ):
            app.add_url_rule(path, view_func=view, methods=methods)
        app.after_request(_protect)
        app.register_error_handler(
            BadRequest, lambda error: _message("AWS can’t answer this request", str(error), 400)
        )

    # -- what the browser sends

    def _asked(self) -> AuthorizationRequest:
        return asked(parse_qs(request.query_string.decode("ascii", "replace")), request.host_url.rstrip("/"))

    def _console(self) -> ConsoleSession | None:
        found = self._state.signin.console.get(session.get("console", ""))
        if found is None or found.ends_at <= datetime.now(UTC):
            return None
        user = self._state.iam.users.get(found.user_name)
        # A user without a password can't be signed in to the console.
        return found if user and str(user.id) == found.user_id and current_hash(self._state, user.name) else None

    def _arrival(self) -> Arrival | None:
        found = self._state.signin.arrivals.get(session.get("arrival", ""))
        return found if found and found.until > datetime.now(UTC) else None

    def _origin(self) -> Origin:
        return Origin(request.remote_addr or "", self._state.region, request.headers.get("User-Agent"))

    def _note(self, exchange: Exchange, status: int, error: str | None = None) -> None:
        exchange.status, exchange.error = status, error
        exchange.note(self._log, request.environ)

    # -- pages

    def authorize(self) -> ResponseReturnValue:
        """Ask the signed-in user whether the client may sign in as them, then redirect."""
        wanted = self._asked()
        with self._state.lock:
            who = self._console()
            if who is None:
                return redirect(_next("sign_in"), 303)
            form = EmptyForm()
            if not form.validate_on_submit():
                same, caller = wanted.client_id == SAME_DEVICE, of_console(self._state, who)
                body = render_template("confirm.html", form=form, caller=caller, same=same, mfa=bool(who.mfa_at))
                return _leading_to(wanted.redirect_uri, body)
            answer = {"state": wanted.state, **self._grant(wanted, who)}
        return redirect(f"{wanted.redirect_uri}?{urlencode(answer)}", 302)

    def _grant(self, wanted: AuthorizationRequest, who: ConsoleSession) -> dict[str, str]:
        """The query of the redirect: a code, or an error if the user may not authorize the client."""
        now, caller = datetime.now(UTC), of_console(self._state, who)
        resource = resource_of(wanted.client_id, self._state.region, self._state.account_id)
        exchange = Exchange(self._state, action=AUTHORIZE, caller=caller)
        carried = {"signin:OAuthClientId": wanted.client_id, "signin:OAuthRedirectUri": wanted.redirect_uri}
        exchange.verdict = judge(self._state, caller, self._origin(), Question(AUTHORIZE, resource, carried), now)
        if not exchange.verdict.decision.allowed:
            self._note(exchange, 403, "AccessDenied")
            sentence = f"{caller.arn} is not authorized to perform: {AUTHORIZE} on resource: {resource}"
            return {"error": "access_denied", "error_description": sentence}
        self._note(exchange, 200)
        code = secrets.token_urlsafe(64)
        grant = Grant(wanted.client_id, who, current_hash(self._state, who.user_name))
        self._state.signin.codes[code] = Code(grant, wanted, now + CODE_LIFE)
        return {"code": code}

    def sign_in(self) -> ResponseReturnValue:
        """Ask for account, user name and password."""
        self._asked()
        form = PasswordForm()
        if not form.validate_on_submit():
            return _page("sign_in.html", form)
        now = datetime.now(UTC)
        with self._state.lock:
            try:
                number, arrival = console.give_password(
                    self._state, self._guesses, form.account.data, form.user_name.data, form.password.data, now
                )
            except console.NotIn as refusal:
                self._note(Exchange(self._state, action="signin:ConsoleLogin"), 401, "Failure")
                return _refused("sign_in.html", form, refusal)
            self._state.signin.arrivals[number] = arrival
            session.clear()
            session["arrival"] = number
            return self._onwards(arrival, now)

    def _onwards(self, arrival: Arrival, now: datetime) -> ResponseReturnValue:
        if not arrival.mfa_at and console.devices_of(self._state, arrival):
            return redirect(_next("code"), 303)
        if console.must_change(self._state, arrival, now):
            return redirect(_next("new_password"), 303)
        number, opened = console.open_session(self._state, arrival, now)
        self._state.signin.arrivals.pop(session.get("arrival", ""), None)
        session.clear()
        session["console"] = number
        self._note(Exchange(self._state, action="signin:ConsoleLogin", caller=of_console(self._state, opened)), 200)
        return redirect(_next("authorize"), 303)

    def code(self) -> ResponseReturnValue:
        """Ask for the code of the user's MFA device."""
        self._asked()
        with self._state.lock:
            arrival = self._arrival()
            if arrival is None:
                return redirect(_next("sign_in"), 303)
            form = CodeForm()
            devices = console.devices_of(self._state, arrival)
            form.serial_number.choices = [(serial, serial) for serial in devices]
            if len(devices) == 1:
                form.serial_number.data = devices[0]
            if not form.validate_on_submit():
                return _page("code.html", form, user_name=arrival.user_name)
            now = datetime.now(UTC)
            try:
                console.give_code(self._state, arrival, form.serial_number.data, form.code.data, now)
            except console.NotIn as refusal:
                self._note(Exchange(self._state, action="signin:ConsoleLogin"), 401, "Failure")
                form.code.data = ""
                return _refused("code.html", form, refusal, user_name=arrival.user_name)
            return self._onwards(arrival, now)

    def new_password(self) -> ResponseReturnValue:
        """Ask for a new password, where it must be changed."""
        self._asked()
        with self._state.lock:
            arrival, now = self._arrival(), datetime.now(UTC)
            if arrival is None or not console.must_change(self._state, arrival, now):
                return redirect(_next("sign_in"), 303)
            if not arrival.mfa_at and console.devices_of(self._state, arrival):
                return redirect(_next("code"), 303)
            form = NewPasswordForm()
            if not form.validate_on_submit():
                return _page("new_password.html", form, user_name=arrival.user_name)
            caller, verdict, refusal = console.change_password(
                self._state, arrival, self._origin(), form.old.data, form.new.data, now
            )
            exchange = Exchange(self._state, action="iam:ChangePassword", caller=caller, verdict=verdict)
            self._note(exchange, 403 if refusal else 200, "AccessDenied" if refusal else None)
            if refusal:
                return _refused("new_password.html", form, refusal, user_name=arrival.user_name)
            return self._onwards(arrival, now)

    def other_user(self) -> ResponseReturnValue:
        """Sign in as someone else."""
        self._leave()
        return redirect(_next("sign_in"), 303)

    def confirmation(self) -> ResponseReturnValue:
        """Show the verification code to paste, for a client on another device."""
        given = request.args
        if "code" not in given:
            return _message(
                "AWS didn’t let you continue", given.get("error_description", "AWS returned no code."), 403
            )
        text = f"state={given.get('state', '')}&code={given['code']}"
        return render_template("verification.html", text=base64.b64encode(text.encode()).decode())

    def sign_out(self) -> ResponseReturnValue:
        """End the console session, then redirect to where the request says, on this server only."""
        target = request.args.get("redirect_uri", "")
        if request.args.get("Action") != "logout":
            raise BadRequest("Action is logout.")
        self._leave()
        own = request.host_url.rstrip("/")
        if target.startswith(f"{own}/v1/authorize?"):
            return redirect(target, 303)
        return render_template("signed_out.html")

    def _leave(self) -> None:
        with self._state.lock:
            self._state.signin.console.pop(session.get("console", ""), None)
            self._state.signin.arrivals.pop(session.get("arrival", ""), None)
        session.clear()


def _next(view: str) -> str:
    return f"{url_for(view)}?{request.query_string.decode('ascii', 'replace')}"


def _page(template: str, form: FlaskForm, **context: object) -> ResponseReturnValue:
    return render_template(template, form=form, **context), 422 if form.errors else 200


def _refused(template: str, form: FlaskForm, refusal: console.NotIn, **context: object) -> ResponseReturnValue:
    if refusal.field in form:
        form[refusal.field].errors = [str(refusal)]
    else:
        form.form_errors.append(str(refusal))
    return _page(template, form, **context)


def _message(title: str, sentence: str, status: int) -> ResponseReturnValue:
    return render_template("message.html", title=title, sentence=sentence), status


def _leading_to(redirect_uri: str, body: str) -> Response:
    """Return a page whose form may redirect to the client's address, as far as the Content Security Policy goes."""
    target = urlsplit(redirect_uri)
    response = Response(body, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _policy(f"{target.scheme}://{target.netloc}")
    return response


def _policy(target: str = "") -> str:
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {target}".rstrip()
    )


def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _policy())
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
