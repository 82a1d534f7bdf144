"""The mail server that a box can reach: Postfix, Dovecot and a token endpoint of this machine's, in the box's network."""
import contextlib
import email
import email.policy
import pathlib
import re

from box import wait_for

HERE = pathlib.Path(__file__).resolve().parent
# An address for documentation (RFC 5737): not the machine itself, as a relay is not.
ADDRESS, NAME, PORT = "198.51.100.25", "smtp.anyshire.example", 587
USER, PASSWORD = "reminders@anyshire.example", "correct horse"
CLIENT, SECRET = "0e8d6f1c-5a0b-4e7d-9a51-000000000001", "client-secret-7Xq"
# A token that is good without the endpoint having given it, for a command that prints one.
TOKEN = "token-of-a-command-9Lm"


class Mail(contextlib.AbstractContextManager):
    """Runs beside a box, at smtp.anyshire.example; what it takes ends up in a folder."""

    def __init__(self, box):
        self.box, self.folder = box, box.folder / "mail"
        self.ports, self.messages, self.limits = {}, {}, 0

    def __enter__(self):
        box = self.box
        box.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        with open(box.path("/etc/hosts"), "a") as hosts:
            hosts.write(f"{ADDRESS} {NAME}\n")
        self.folder.mkdir(mode=0o755)
        # Its servers outlive the script, so its words go to files.
        with open(self.folder / "start", "wb") as said, open(self.folder / "start.log", "wb") as log:
            started = box.beside(HERE.parent / "servers/postfix", "start", self.folder, stdout=said, stderr=log).wait(180)
        if started:
            raise RuntimeError(f"the mail server does not start: {(self.folder / 'start.log').read_text()}")
        lines = (self.folder / "start").read_text()
        self.ports = {name: int(port) for name, port in re.findall(r"LAPSEWATCH_TEST_(\w+)=(\d+)", lines)}
        self.let_pass("all")
        with open(self.folder / "tokens.log", "wb") as log:
            box.beside(HERE / "tokens.py", self.ports["INTROSPECTION"], CLIENT, SECRET, USER, TOKEN, stdout=log, stderr=log)
            box.beside(HERE / "relay.py", f"{ADDRESS}:{PORT}", self.ports["POSTFIX_STARTTLS"], self.folder / "limit",
                       stdout=log, stderr=log)
        for port in (PORT, self.ports["INTROSPECTION"]):
            wait_for(f"port {port} of the mail server", lambda port=port: self.listens(port))
        return self

    def __exit__(self, *_):
        """Nothing: the servers end with their box."""

    def listens(self, port):
        return f":{port} " in self.box.run("ss", "-Hltn").stdout

    @property
    def authority(self):
        """The certificate of the authority that the server's is of."""
        return (self.folder / "ca.pem").read_text()

    @property
    def token_url(self):
        return f"http://127.0.0.1:{self.ports['INTROSPECTION']}/token"

    def let_pass(self, answers):
        """Of the server's answers so many reach the client from now on, or "all"."""
        # A file of another number each time: that is how the relay knows.
        self.limits += 1
        part = self.folder / f"limit.{self.limits}"
        part.write_text(str(answers))
        part.rename(self.folder / "limit")

    def arrived(self):
        """What came out at the far end."""
        for file in sorted((self.folder / "sink").glob("message.*")):
            # The last is perhaps still being written.
            if file not in self.messages and (text := file.read_bytes()).endswith(b"\n"):
                self.messages[file] = email.message_from_bytes(text, policy=email.policy.default)
        return list(self.messages.values())

    def log(self):
        """What Postfix says, such as by which log-in a message came."""
        return (self.folder / "postfix.log").read_text()

    def log_ins(self, method):
        return len(re.findall(rf"sasl_method={method}, sasl_username={re.escape(USER)}", self.log()))
