"""Runs a command on a terminal of its own: terminal.py STEP... -- COMMAND...

A step is `wait:WORD` (until the output holds it), `busy:SECONDS` (until the command has computed so long), `type:TEXT`
(\\x03 is Ctrl+C) or `signal:NAME`. At the end: the output, the terminal's settings before and after, and how the command
ended.
"""
import os, pty, select, signal, sys, termios, time

split = sys.argv.index('--')
steps, command = sys.argv[1:split], sys.argv[split + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
output = b''
before = termios.tcgetattr(terminal)
deadline = time.time() + 20

def read(timeout):
    global output
    if not select.select([terminal], [], [], timeout)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    output += data
    return data != b''

def computed():
    """Seconds of the processor's that the command has had: utime of /proc/PID/stat, behind the name."""
    with open(f'/proc/{pid}/stat') as stat:
        return int(stat.read().rpartition(')')[2].split()[11]) / os.sysconf('SC_CLK_TCK')

for step in steps:
    verb, _, word = step.partition(':')
    if verb == 'wait':
        while word.encode() not in output and time.time() < deadline and read(0.1):
            pass
    elif verb == 'busy':
        enough = computed() + float(word)
        while computed() < enough and time.time() < deadline and read(0.02):
            pass
    elif verb == 'type':
        os.write(terminal, word.encode().decode('unicode_escape').encode())
    elif verb == 'signal':
        os.kill(pid, getattr(signal, word))
while time.time() < deadline and read(0.1):
    pass
try:
    after = termios.tcgetattr(terminal)
except termios.error:
    after = None
if time.time() >= deadline:
    os.kill(pid, signal.SIGKILL)
status = os.waitpid(pid, 0)[1]
sys.stdout.write(output.decode(errors='replace').replace('\r\n', '\n'))
print('\nsettings', 'gone' if after is None else 'as before' if after == before else 'changed')
print('signal' if os.WIFSIGNALED(status) else 'code', os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
