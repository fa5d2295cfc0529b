"""Login dialog, token exchange, token request, logout, profile and funds.

Pure. The dialog approves at once: it is a rehearsal, not a bank. Source: the broker's authentication pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from sos.clock import ist_minute_of_day
from sos.sim.http import Problem, Request, Response, json_response, ok
from sos.sim.params import required
from sos.sim.routing import Route
from sos.sim.state import token_expiry

if TYPE_CHECKING:
    from sos.sim.world import World

__all__ = ["ROUTES"]

_FUNDS_OPEN: Final = 5 * 60 + 30
_FORM: Final = (  # field, code when it is missing
    ("client_id", "UDAPI1017"),
    ("redirect_uri", "UDAPI1018"),
    ("code", "UDAPI1022"),
    ("grant_type", "UDAPI1023"),
    ("client_secret", "UDAPI1024"),
)


def _dialog(world: World, request: Request) -> Response:
    query = request.query
    if query.get("response_type") != "code":
        raise Problem(400, "UDAPI100036", "Invalid Input", "response_type", query.get("response_type"))
    client, redirect = required(query, "client_id", "UDAPI1017"), required(query, "redirect_uri", "UDAPI1018")
    settings = world.settings
    if client != (settings.client_id or client) or redirect != (settings.redirect_uri or redirect):
        raise Problem(
            400, "UDAPI100068", "Check your 'client_id' and 'redirect_uri'; one or both are incorrect."
        )
    if urlsplit(redirect).scheme not in ("http", "https"):
        raise Problem(400, "UDAPI100068", "Check your 'redirect_uri'.", "redirect_uri", redirect)
    answer = {"code": world.state.new_code(client, redirect, request.now)}
    if "state" in query:
        answer["state"] = query["state"]
    joint = "&" if urlsplit(redirect).query else "?"
    return Response(302, b"", {"Location": f"{redirect}{joint}{urlencode(answer)}"})


def _token(world: World, request: Request) -> Response:
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    for name, code in _FORM:
        required(form, name, code)
    if form["grant_type"] != "authorization_code":
        raise Problem(400, "UDAPI1023", "grant_type is invalid", "grant_type", form["grant_type"])
    good = world.state.take_code(form["code"], form["client_id"], form["redirect_uri"], request.now)
    settings = world.settings
    _check_secret(world, form["client_id"], form["client_secret"])
    if form["redirect_uri"] != (settings.redirect_uri or form["redirect_uri"]):
        raise Problem(400, "UDAPI100070", "The 'redirect_uri' is invalid.")
    if not good:
        raise Problem(400, "UDAPI100057", "Invalid Auth code")
    token = world.state.new_token(request.now)
    return json_response({**_person(world), "access_token": token})


def _check_secret(world: World, client: str, secret: str) -> None:
    settings = world.settings
    if client != (settings.client_id or client) or secret != (settings.client_secret or secret):
        raise Problem(
            400, "UDAPI100069", "Check your 'client_id' and 'client_secret'; one or both are incorrect."
        )


def _ask(world: World, request: Request) -> Response:
    """A token request; the user approves at once and the notifier gets the token."""
    _check_secret(world, request.args["client_id"], str(_json_body(request).get("client_secret", "")))
    url = world.settings.notifier_url
    if url is None:
        raise Problem(400, "UDAPI1123", "Notifier webhook URL is not configured for this app")
    expiry = str(token_expiry(request.now) // 1_000_000)
    message = {
        "client_id": request.args["client_id"],
        "user_id": world.settings.user_id,
        "access_token": world.state.new_token(request.now),
        "token_type": "Bearer",
        "expires_at": expiry,
        "issued_at": str(request.now // 1_000_000),
        "message_type": "access_token",
    }
    answer = ok({"authorization_expiry": expiry, "notifier_url": url})
    return Response(answer.status, answer.body, answer.headers, webhook=(url, orjson.dumps(message)))


def _json_body(request: Request) -> Mapping[str, Any]:
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError as exc:
        raise Problem(400, "UDAPI100038", "Invalid input passed to the API") from exc
    if not isinstance(value, dict):
        raise Problem(400, "UDAPI100038", "Invalid input passed to the API")
    return value


def _logout(world: World, request: Request) -> Response:
    world.state.forget(request.headers.get("authorization", ""))
    return ok(True)


def _person(world: World) -> dict[str, Any]:
    return {
        "email": "rehearsal@example.com",
        "exchanges": ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"],
        "products": ["D", "CO", "I", "MTF"],
        "broker": "UPSTOX",
        "user_id": world.settings.user_id,
        "user_name": "SIMULATED USER",
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "user_type": "individual",
        "poa": False,
        "ddpi": False,
        "is_active": True,
    }


def _profile(world: World, request: Request) -> Response:
    return ok(_person(world))


def _check_funds_hours(request: Request) -> None:
    if ist_minute_of_day(request.now) < _FUNDS_OPEN:
        raise Problem(
            423, "UDAPI100072", "The Funds service is accessible from 5:30 AM to 12:00 AM IST daily"
        )


def _funds_v2(world: World, request: Request) -> Response:
    _check_funds_hours(request)
    segment = request.query.get("segment", "")
    if segment not in ("", "SEC", "COM"):
        raise Problem(400, "UDAPI1019", "Invalid segment", "segment", segment)
    wanted = {"SEC": ("equity",), "COM": ("commodity",)}.get(segment, ("equity", "commodity"))
    return ok({name: _margin(world.settings.funds if name == "equity" else 0.0) for name in wanted})


def _margin(funds: float) -> dict[str, float]:
    names = ("used_margin", "payin_amount", "span_margin", "adhoc_margin", "notional_cash", "exposure_margin")
    return {**dict.fromkeys(names, 0.0), "available_margin": funds}


def _funds_v3(world: World, request: Request) -> Response:
    _check_funds_hours(request)
    funds = world.settings.funds
    delivery = {"total": 0.0, "equity": 0.0, "fo_settlement": 0.0}
    used = dict.fromkeys(("total", "mtf", "span_exposure", "cash_margin_var_elm", "premium_present"), 0.0)
    loss = {"total": 0.0, "realised": 0.0, "unrealised": 0.0}
    cash = dict.fromkeys(("added_today", "withdrawn_today", "amount_from_stock_sale", "unpaid_charges"), 0.0)
    in_cash = {
        "total": funds,
        "cash": {"opening_balance": funds, **cash},
        "margin_used": {**used, "loss": loss, "delivery_margin": delivery},
    }
    in_pledge = {
        "margin_from_pledge": {"total": 0.0, "equity": 0.0, "mutual_funds": 0.0},
        "margin_used": {**used, "delivery_margin": delivery},
    }
    gone = {
        "cash_unavailable_to_trade": {"unsettled_profit": {"todays_profit": 0.0, "previous_days": 0.0}},
        "pledge_unavailable_to_trade": {"equity": 0.0, "mutual_funds": 0.0},
    }
    here = {"total": funds, "cash_available_to_trade": in_cash, "pledge_available_to_trade": in_pledge}
    return ok({"available_to_trade": here, "unavailable_to_trade": gone})


ROUTES: Final = (
    Route("GET", "/v2/login/authorization/dialog", _dialog, auth=False),
    Route("POST", "/v2/login/authorization/token", _token, auth=False),
    Route("POST", "/v3/login/auth/token/request/{client_id}", _ask, auth=False),
    Route("DELETE", "/v2/logout", _logout),
    Route("GET", "/v2/user/profile", _profile),
    Route("GET", "/v2/user/get-funds-and-margin", _funds_v2),
    Route("GET", "/v3/user/get-funds-and-margin", _funds_v3),
)
