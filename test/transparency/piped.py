# Runs the command that a file holds (a JSON list) as a container runtime does: stderr is a real pipe (what Node makes for a
# child is a socket), and the parent's command line and environment have never heard of the guard. Descriptor 3 is told the pid, then how it ended: `code 7` or `signal 15`.
import json
import os
import sys

with open(sys.argv[1]) as file:
    command = json.load(file)
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    # Of its own, for Ctrl+C.
    os.setpgid(0, 0)
    os.dup2(writer, 2)
    os.closerange(3, 256)
    os.execvp(command[0], command)
os.close(writer)
for standard in (0, 1):
    os.close(standard)
os.write(3, b"%d\n" % pid)
while chunk := os.read(reader, 65536):
    while chunk:
        chunk = chunk[os.write(2, chunk):]
_, status = os.waitpid(pid, 0)
end = b"signal %d\n" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else b"code %d\n" % os.WEXITSTATUS(status)
os.write(3, end)
