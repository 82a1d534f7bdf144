"""The unit with one thing after another taken away: who tests the unit must notice."""

WEAKENED = {
    "readiness": """\
[Service]
Type=exec
""",
    "user": """\
[Service]
DynamicUser=no
User=root
UMask=0022
StateDirectoryMode=0755
NoNewPrivileges=no
CapabilityBoundingSet=~
SecureBits=
""",
    "sandbox": """\
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
""",
    "watchdog": """\
[Service]
WatchdogSec=0
""",
    "restart": """\
[Service]
Restart=no
""",
    "credentials": """\
[Service]
LoadCredential=
""",
}
