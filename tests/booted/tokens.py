#!/usr/bin/env python3
"""A token endpoint (RFC 6749, client credentials) that also tells a mail server which tokens are good (RFC 7662).

    tokens.py PORT CLIENT_ID CLIENT_SECRET USER TOKEN

Gives a token for USER to who knows the secret; TOKEN is good too. Runs until it is ended.
"""
import http.server
import json
import secrets
import sys
import urllib.parse

PORT, CLIENT, SECRET, USER, TOKEN = int(sys.argv[1]), *sys.argv[2:]
GIVEN = {TOKEN}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        status, answer = {"/token": self.give, "/introspect": self.judge}[self.path](form)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def give(form):
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if not wanted.items() <= form.items():
            return 401, {"error": "invalid_client", "error_description": "not who it should be"}
        GIVEN.add(token := secrets.token_urlsafe(32))
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3599}

    @staticmethod
    def judge(form):
        good = form.get("token") in GIVEN
        return 200, {"active": good, "username": USER} if good else {"active": False}

    def log_message(self, *_):
        print(self.path, flush=True)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
