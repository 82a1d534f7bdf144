# Tries what the service must not be able to do, from inside its sandbox, and says of each what became of it: "denied",
# or "allowed". Perl, since every Debian has it; no modules, since little of the file system is there.
use strict;
use warnings;

my $machine = (split ' ', `/bin/uname -m 2>/dev/null` || '')[0] // '';    # denied, when nothing else may run
my %number = -e '/lib64/ld-linux-x86-64.so.2'
    ? (mmap => 9, unshare => 272, mount => 165, ptrace => 101, personality => 135)
    : (mmap => 222, unshare => 97, mount => 40, ptrace => 117, personality => 92);
my %says;

sub try_it { my ($name, $works) = @_; $says{$name} = $works ? 'allowed' : 'denied' }
sub write_to { my $path = shift; open(my $file, '>', $path) or return 0; close $file; unlink $path; 1 }
sub call { my ($name, @rest) = @_; syscall($number{$name}, @rest) != -1 }

try_it('write to /etc', write_to('/etc/lapsewatch-probe'));
try_it('write to /etc/lapsewatch', write_to('/etc/lapsewatch/probe'));
try_it('write to /usr', write_to('/usr/lapsewatch-probe'));
try_it('write to /var', write_to('/var/lapsewatch-probe'));
try_it('write to the cgroup tree', write_to('/sys/fs/cgroup/cgroup.procs'));
try_it('read /root', opendir(my $root, '/root'));
try_it('see other processes', grep { $_ != $$ } map { m{^/proc/(\d+)$} } glob('/proc/[0-9]*'));
try_it('read the kernel\'s settings', -e '/proc/sys/kernel/hostname');
try_it('run another program', system({'/bin/true'} '/bin/true') == 0 || $machine ne '');
try_it('be root', $> == 0 || $< == 0);
try_it('become root', do { local $> = 0; $> == 0 });
try_it('make a file that runs as its owner',
    do { my $file = '/var/lib/lapsewatch/.probe'; write_to($file); open(my $made, '>', $file); my $done = chmod 04755, $file; unlink $file; $done });
try_it('open a netlink socket', socket(my $netlink, 16, 3, 0));
try_it('open a packet socket', socket(my $packet, 17, 3, 0));
try_it('open a raw socket', socket(my $raw, 2, 3, 1));
try_it('listen on a port', do { my $port; socket($port, 2, 1, 0) && listen($port, 1) });
try_it('have a port of its own choice', do { my $port; socket($port, 2, 2, 0) && bind($port, pack('S n a4 x8', 2, 9999, "\x7f\0\0\x01")) });
try_it('memory that is written and run', call('mmap', 0, 4096, 7, 0x22, -1, 0));
try_it('a user namespace', call('unshare', 0x10000000));
try_it('a mount namespace', call('unshare', 0x00020000));
try_it('mount', do { my ($tmpfs, $tmp, $none) = ("tmpfs\0", "/tmp\0", "\0"); call('mount', $tmpfs, $tmp, $tmpfs, 0, $none) });
try_it('trace', call('ptrace', 16, 1, 0, 0));
try_it('another personality', call('personality', 0x0040000));

print map { "$_: $says{$_}\n" } sort keys %says;
