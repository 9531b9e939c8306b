/** Where values are looked for: discs and seed disks, and VMware's guestinfo. */
export const LOOKING = String.raw`
# Where values come from. What several give is taken from the one that somebody made on purpose: a seed disk
# goes before a disc, and a disc before guestinfo.
my @KINDS = ('guestinfo', 'disc', 'seed');

# Sticks and discs can appear later than the root file system.
my $LATEST_DEVICE_SECONDS = 3;

my $SETTLE_SECONDS = 20;

# Nothing is waited for longer. An emulated machine on a busy computer needs much of it to hash a password.
my $PROGRAM_SECONDS = 120;

sub look {
  my (@declared) = @_;
  run_program(['udevadm', 'settle', "--timeout=$SETTLE_SECONDS"]);
  my @found;
  my %seen;
  for my $try (0 .. (-e $RECORD ? 0 : $LATEST_DEVICE_SECONDS)) {
    sleep 1 if $try > 0;
    push @found, map { read_medium($_) } grep { !$seen{$_}++ } block_devices();
    last if @found || $wrong;
  }
  push @found, guestinfo(@declared);
  my %given;
  for my $kind (@KINDS) {
    for my $source (grep { $_->{kind} eq $kind } @found) {
      note("values from $source->{from}");
      my $values = $source->{values};
      # Importers give an empty one for what nobody has filled in.
      $given{$_} = { value => $values->{$_}, from => $source->{from} } for grep { $values->{$_} ne '' } keys %$values;
    }
  }
  return \%given;
}

sub block_devices {
  opendir(my $folder, "$ROOT/sys/class/block") or return;
  my @names = grep { !/^(?:\.|loop|ram|zram|dm-|md|fd|nbd)/ } readdir $folder;
  my @sorted = sort @names;
  return @sorted > 256 ? @sorted[0 .. 255] : @sorted;
}

# The values of each file on it that has some: a disc of any name with an ovf-env.xml, or whatever is called
# PVMC-SEED.
sub read_medium {
  my ($name) = @_;
  (my $device = "$ROOT/dev/$name") =~ tr{!}{/};
  my ($status, $facts) = run_program(['blkid', '-p', '-o', 'export', $device]);
  return if $status != 0;
  my ($type) = $facts =~ /^TYPE=(.*)$/m;
  my ($label) = $facts =~ /^LABEL=(.*)$/m;
  my $is_seed = uc($label // '') eq 'PVMC-SEED';
  return if !defined $type || $type !~ /^(?:iso9660|udf|vfat|ext[234])$/;
  return if !$is_seed && $type !~ /^(?:iso9660|udf)$/;
  my $place = "$ROOT/run/pvmc/medium";
  make_folder($place);
  my @mount = ('mount', '-t', $type, '-o', 'ro,nosuid,nodev,noexec', $device, $place);
  ($status) = run_program(\@mount);
  if ($status != 0) {
    note("/dev/$name cannot be mounted");
    return;
  }
  my @found = read_folder($place, $is_seed ? 'the seed disk' : 'the disc', "/dev/$name", $is_seed);
  run_program(['umount', $place]);
  return @found;
}

sub read_folder {
  my ($place, $what, $device, $is_seed) = @_;
  opendir(my $folder, $place) or return;
  my @found;
  # ISO 9660 without extensions has no dashes, and DOS no small letters.
  for my $name (sort readdir $folder) {
    my $is_environment = $name =~ /^ovf[-_]env\.xml(?:;1)?$/i;
    next if !$is_environment && !($is_seed && $name =~ /^properties\.txt(?:;1)?$/i);
    my $from = "$what $device";
    my $text = read_bounded("$place/$name");
    my ($values, $complaint) = !defined $text ? (undef, 'is no file of UTF-8 text, or has more than 256 KiB')
      : $is_environment ? parse_environment($text)
      : parse_lines($text);
    if (defined $complaint) {
      $wrong = 1;
      announce("$name on $from is refused: it $complaint");
    } else {
      push @found, { kind => $is_seed ? 'seed' : 'disc', from => $from, values => $values };
    }
  }
  # Read last, hence before the other: what stands in lines was written by hand.
  return @found;
}

# What vCenter, ESXi, Workstation and Fusion tell a guest, if open-vm-tools is there to ask them.
sub guestinfo {
  my (@declared) = @_;
  my ($asker) = grep { -x } map { "$_/vmware-rpctool" } split /:/, $ENV{PATH} // '';
  return if !$asker;
  my @found;
  my ($status, $text) = run_program([$asker, 'info-get guestinfo.ovfEnv']);
  if ($status == 0 && $text =~ /\S/) {
    my ($values, $complaint) = utf8::decode($text) ? parse_environment($text) : (undef, 'is no UTF-8 text');
    if (defined $complaint) {
      $wrong = 1;
      announce("guestinfo.ovfEnv is refused: it $complaint");
    } else {
      push @found, { kind => 'guestinfo', from => 'guestinfo.ovfEnv', values => $values };
    }
  }
  my %single;
  for my $property (@declared) {
    ($status, $text) = run_program([$asker, "info-get guestinfo.pvmc.$property->{key}"]);
    next if $status != 0 || !utf8::decode($text);
    $text =~ s/\s+$//;
    $single{ $property->{key} } = $text;
  }
  push @found, { kind => 'guestinfo', from => 'guestinfo.pvmc', values => \%single } if %single;
  return @found;
}

# Exit status and output, of which no more is taken than a file may have. One that takes too long is killed.
sub run_program {
  my ($argv, $input) = @_;
  pipe(my $read, my $write) or return (127, '');
  pipe(my $from, my $to) or return (127, '');
  my $child = fork // return (127, '');
  if ($child == 0) {
    setpgrp 0, 0;
    open STDIN, '<&', $from;
    open STDOUT, '>&', $write;
    open STDERR, '>', '/dev/null';
    close $_ for $read, $write, $from, $to;
    exec { $argv->[0] } @$argv or exit 127;
  }
  close $write;
  close $from;
  local $SIG{PIPE} = 'IGNORE';
  my $output = '';
  my $in_time = eval {
    local $SIG{ALRM} = sub { die "late\n" };
    alarm $PROGRAM_SECONDS;
    if (defined $input) {
      utf8::encode($input);
      print {$to} $input;
    }
    close $to;
    while (sysread $read, my $piece, 65536) {
      $output .= $piece if length $output <= $MOST_BYTES;
    }
    waitpid $child, 0;
    alarm 0;
    1;
  };
  return ($? == 0 ? 0 : $? >> 8 || 128, $output) if $in_time;
  alarm 0;
  kill 'KILL', -$child;
  waitpid $child, 0;
  note("$argv->[0] has not ended after $PROGRAM_SECONDS seconds");
  return (124, '');
}
`;
