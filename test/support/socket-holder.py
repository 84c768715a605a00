"""Does for a server what a systemd socket unit does: opens its socket, hands it over at each start, and keeps it open meanwhile.

Its arguments are the command. Says on standard output the port, and then the process id of each start, a line each. SIGHUP stops the server
with SIGTERM and starts it anew; SIGTERM ends both. What the server says goes to standard error.
"""

import os
import signal
import socket
import subprocess
import sys

HANDED_OVER = 3
ASKED = [signal.SIGHUP, signal.SIGTERM]

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1024)
if listener.fileno() != HANDED_OVER:
    os.dup2(listener.fileno(), HANDED_OVER)
print(listener.getsockname()[1], flush=True)


def become_server():
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def start():
    child = subprocess.Popen(sys.argv[1:], stdout=2, pass_fds=[HANDED_OVER], preexec_fn=become_server)
    print(child.pid, flush=True)
    return child


signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
server = start()
while signal.sigwait(ASKED) == signal.SIGHUP:
    server.send_signal(signal.SIGTERM)
    server.wait()
    server = start()
server.kill()
server.wait()
