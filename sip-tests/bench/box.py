"""What the benchmarks share: programs started, watched and ended, and what they cost.

Python's standard library and Linux. Everything is on a loopback address of its own, HOST, so that it is in nobody's way."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HOST = '127.77.0.1'
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(PROJECT, 'sip-tests', 'bench')
# The generator has a core to itself, what is measured another one.
LOAD_CPU, BOX_CPU = '0', '1'


def programs(folder):
    """Where the release programs are: in `folder`, or in cargo's target folder, built if they are not."""
    if folder:
        return lambda name: os.path.join(folder, name)
    target = os.environ.get('CARGO_TARGET_DIR', os.path.join(PROJECT, 'target'))
    subprocess.run(['cargo', 'build', '--release', '--locked', '-p', 'mcx-node', '-p', 'mcx-store', '--bin', 'mcx', '--examples'],
                   cwd=PROJECT, check=True)
    return lambda name: os.path.join(target, 'release', *([] if name == 'mcx' else ['examples']), name)


class Boxes:
    """Programs that end with the `with` block that started them, and a folder for their files."""

    def __enter__(self):
        self.started = []
        self.folder = tempfile.mkdtemp(prefix='mcx-bench-')
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, command, cpu, environment=None):
        """Starts a program on those cores (`0`, `0,1`)."""
        with open(os.path.join(self.folder, 'log'), 'a') as log:
            process = subprocess.Popen(['taskset', '-c', cpu, *command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        self.started.append(process)
        return process

    def log(self):
        with open(os.path.join(self.folder, 'log')) as log:
            return log.read()

    def kamailio(self, name, far_end=None, megabytes=1536, cpu=BOX_CPU):
        """Starts Kamailio with `kamailio-NAME.cfg`."""
        with open(os.path.join(BENCH, f'kamailio-{name}.cfg')) as file:
            text = file.read().replace('FAR_END', far_end or '')
        config = os.path.join(self.folder, 'kamailio.cfg')
        with open(config, 'w') as file:
            file.write(text)
        return self.start(['kamailio', '-f', config, '-DD', '-E', '-l', f'udp:{HOST}:5070', '-x', 'tlsf', '-X', 'tlsf',
                           '-m', str(megabytes), '-M', '16', '-b', str(4 << 20), '-Y', self.folder,
                           '-P', os.path.join(self.folder, 'pid')], cpu)


def wait_until_it_answers(port, process, seconds=60):
    """Asks with OPTIONS until anything comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((HOST, 0))
        own.settimeout(0.2)
        ends = time.monotonic() + seconds
        n = 0
        while time.monotonic() < ends:
            n += 1
            request = (f'OPTIONS sip:{HOST}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{own.getsockname()[1]};'
                       f'branch=z9hG4bKready{os.getpid()}x{n};rport\r\nMax-Forwards: 9\r\nFrom: <sip:bench@{HOST}>;tag=1\r\n'
                       f'To: <sip:{HOST}>\r\nCall-ID: ready{n}@{HOST}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n')
            try:
                own.sendto(request.encode(), (HOST, port))
                own.recv(65535)
                return
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("it ended before it answered")
    raise SystemExit('it does not answer')


def family(pid):
    """A process and all that it started."""
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            children = file.read().split()
    except OSError:
        children = []
    return [pid] + [p for child in children for p in family(int(child))]


def cpu_seconds(pid):
    """What all threads of a process and of its children have run, to the nanosecond."""
    total = 0
    for process in family(pid):
        try:
            for thread in os.listdir(f'/proc/{process}/task'):
                with open(f'/proc/{process}/task/{thread}/schedstat') as file:
                    total += int(file.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def resident_megabytes(pid):
    total = 0
    for process in family(pid):
        try:
            with open(f'/proc/{process}/status') as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith('VmRSS'))
        except OSError:
            pass
    return total / 1024


def overflows():
    """Datagrams that found a full receive buffer, machine-wide."""
    with open('/proc/net/snmp') as file:
        names, values = [line.split() for line in file if line.startswith('Udp:')]
    return int(values[names.index('RcvbufErrors')])


def load(program, to, phases, extra=()):
    """Runs the generator; gives its lines."""
    command = ['taskset', '-c', LOAD_CPU, program, '--to', f'{HOST}:{to}']
    if '--from' not in extra:
        command += ['--from', f'{HOST}:0']
    for phase in phases:
        command += ['--phase', phase]
    out = subprocess.run([*command, *extra], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def machine():
    """What this ran on, in a line."""
    with open('/proc/cpuinfo') as file:
        model = next((line.split(':')[1].strip() for line in file if line.startswith('model name')), '?')
    return f'{os.cpu_count()} cores of {model}, Linux {os.uname().release.split("-")[0]}, load {os.getloadavg()[0]:.1f} before'
