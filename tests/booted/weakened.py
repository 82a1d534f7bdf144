"""The unit with one thing after another taken away: who tests the unit must notice."""
import typing


class Weakening(typing.NamedTuple):
    # What the check that guards it then says.
    noticed: str
    drop_in: str


WEAKENED = {
    "readiness": Weakening("so nobody knows when it is ready", """\
[Service]
Type=exec
"""),
    "user": Weakening("its data are not where", """\
[Service]
DynamicUser=no
User=root
UMask=0022
StateDirectoryMode=0755
NoNewPrivileges=no
CapabilityBoundingSet=~
SecureBits=
"""),
    "sandbox": Weakening("allowed: ", """\
[Service]
ProtectSystem=no
ProtectHome=no
ProtectProc=default
ProcSubset=all
ProtectControlGroups=no
NoExecPaths=
ExecPaths=
MemoryDenyWriteExecute=no
RestrictAddressFamilies=
RestrictNamespaces=no
RestrictSUIDSGID=no
LockPersonality=no
SystemCallFilter=
SystemCallArchitectures=
"""),
    "watchdog": Weakening("the unit has no watchdog", """\
[Service]
WatchdogSec=0
"""),
    "restart": Weakening("a killed daemon stays dead", """\
[Service]
Restart=no
"""),
    "credentials": Weakening("exit code", """\
[Service]
LoadCredential=
"""),
}
