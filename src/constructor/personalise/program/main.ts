/** The beginning: what is done, in order, and what is remembered of it. */
export const MAIN = String.raw`#!/usr/bin/perl
# Personalises this machine at its first boot: host name, network, SSH key, password and whatever else the
# appliance has declared in /usr/lib/pvmc/properties. Values come from a disc or seed disk, or from VMware.
# Once it has found some and nothing was wrong with them it does not look again, until somebody removes
# /var/lib/pvmc/personalised and has it look: /usr/lib/pvmc/personalise
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);
use Socket qw(inet_pton AF_INET AF_INET6);

my $ROOT = shift // '';
my $LIBRARY = "$ROOT/usr/lib/pvmc";
my $STATE = "$ROOT/var/lib/pvmc";
my $DONE = "$STATE/personalised";
my $RECORD = "$STATE/personalisation";
my $SETTINGS = "$ROOT/etc/pvmc";
my $VALUES = "$SETTINGS/properties.env";

# Of a file with values, and how many of them.
my $MOST_BYTES = 256 * 1024;
my $MOST_VALUES = 1000;

umask 022;
$ENV{LC_ALL} = 'C.UTF-8';
binmode STDOUT, ':utf8';
$| = 1;

# What is worth to be seen on the console, and what came of each property.
my @told;
my %outcome;
my $wrong = 0;

sub main {
  my @declared = read_declarations("$LIBRARY/properties");
  my %before = read_record();
  # What was done then, still is.
  %outcome = map { $_ => $before{$_} } grep { $before{$_} !~ /^(?:refused|failed|missing)/ } keys %before;
  my $given = look(@declared);
  my %declared = map { $_->{key} => $_ } @declared;
  for my $key (sort keys %$given) {
    next if $declared{$key};
    note("$given->{$key}{from} gives " . shown($key) . ', which this appliance has no use for');
    delete $given->{$key};
  }
  my $found = keys %$given;
  pass_over_defaults(\%declared, $given);
  my $anything = keys %$given;
  my %values = checked(\@declared, $given);
  apply_hostname($values{hostname}, \%before) if defined $values{hostname};
  apply_network(\%declared, \%values, \%before);
  apply_ssh_key($declared{'ssh-key'}, $values{'ssh-key'}, \%before) if defined $values{'ssh-key'};
  apply_password($declared{password}, $values{password}, \%before) if defined $values{password};
  my $missing = tell_missing(\@declared, \%values);
  hand_on(\@declared, \%values, $missing, \%before);
  say_on_console();
  write_record();
  if ($anything && !$wrong) {
    write_file($DONE, "Values were found and used; see personalisation. Remove this file to have it looked for others.\n", 0644);
  }
  note('no values ' . ($found ? 'but defaults ' : '') . 'were found: all is as the appliance came') if !$anything;
  return $wrong ? 1 : 0;
}

# One line a setting, below the property's name in brackets.
sub read_declarations {
  my ($path) = @_;
  my @declared;
  for my $line (split /\n/, read_bounded($path) // die "$path cannot be read\n") {
    if ($line =~ /^\[([a-z0-9-]+)\]$/) {
      push @declared, { key => $1, choices => [] };
    } elsif (@declared && $line =~ /^choice=(.*)$/) {
      push @{ $declared[-1]{choices} }, $1;
    } elsif (@declared && $line =~ /^([a-z]+)=(.*)$/) {
      $declared[-1]{$1} = $2;
    }
  }
  return @declared;
}

# Importers hand over the defaults of what nobody has filled in, as if somebody had given them. What the
# appliance has anyway is nothing to do, unless an earlier boot has set something else.
sub pass_over_defaults {
  my ($declared, $given) = @_;
  my %earlier = read_values();
  for my $key (keys %$given) {
    my $default = own_value($declared->{$key});
    my ($value) = check($declared->{$key}, $given->{$key}{value});
    my $earlier = $earlier{ environment_name($key) } // '';
    next if $default eq '' || ($value // '') ne $default;
    delete $given->{$key} if $earlier eq '' || $earlier eq $default;
  }
}

# The default as check gives it, hence as values can be compared with it; empty without one.
sub own_value {
  my ($property) = @_;
  return '' if !defined $property->{default};
  my ($value) = check($property, $property->{default});
  return $value // $property->{default};
}

# Each property's value: the one that was given, if it is right; of those that scripts get, an earlier one or
# the default otherwise.
sub checked {
  my ($declared, $given) = @_;
  my %earlier = read_values();
  my %values;
  for my $property (@$declared) {
    my $key = $property->{key};
    if ($given->{$key}) {
      my ($value, $complaint) = check($property, $given->{$key}{value});
      if (defined $complaint) {
        refuse($key, $complaint, $given->{$key}{from});
      } else {
        $values{$key} = $value;
        $outcome{$key} = "given by $given->{$key}{from}" if $property->{own};
      }
    }
    next if defined $values{$key} || !$property->{own};
    $values{$key} = $earlier{ environment_name($key) } // $property->{default};
    delete $values{$key} if !defined $values{$key} || $values{$key} eq '';
  }
  return %values;
}

sub tell_missing {
  my ($declared, $values) = @_;
  my $own = 0;
  for my $property (@$declared) {
    my $key = $property->{key};
    next if !$property->{required} || defined $values->{$key} || defined $outcome{$key};
    $wrong = 1;
    $own = 1 if $property->{own};
    $outcome{$key} = 'missing';
    announce("$key is missing: this appliance needs it");
  }
  return $own;
}

sub refuse {
  my ($key, $complaint, $from) = @_;
  $wrong = 1;
  $outcome{$key} = "refused: it $complaint";
  announce("$key from $from is refused: it $complaint");
}

# Into the journal.
sub note {
  my ($line) = @_;
  print "$line\n";
}

# Into the journal and onto the consoles.
sub announce {
  my ($line) = @_;
  push @told, $line;
  note($line);
}

# Every console of the kernel, since nobody knows which of them somebody looks at.
sub say_on_console {
  return if !@told;
  my $active = read_bounded("$ROOT/sys/class/tty/console/active") // '';
  for my $name ($active =~ /(\w+)/g) {
    sysopen(my $console, "$ROOT/dev/$name", O_WRONLY | O_NOCTTY | O_NONBLOCK) or next;
    binmode $console, ':utf8';
    print {$console} map { "personalise: $_\r\n" } @told;
    close $console;
  }
}

# What came of each property the last time: key, what was done. It holds no secrets.
sub read_record {
  my %before;
  for my $line (split /\n/, read_bounded($RECORD) // '') {
    $before{$1} = $2 if $line =~ /^([a-z0-9-]+): (.*)$/;
  }
  return %before;
}

sub write_record {
  my $text = "# What became of the properties of this appliance. Passwords are not here.\n";
  $text .= "$_: $outcome{$_}\n" for sort keys %outcome;
  write_file($RECORD, $text, 0644);
}

# A text of somebody else's, fit for a console and a log.
sub shown {
  my ($text) = @_;
  $text =~ s/([^\x20-\x7e])/sprintf '\\x{%x}', ord $1/ge;
  return length $text > 80 ? substr($text, 0, 80) . '...' : $text;
}

# As text; undefined when it is no regular file, cannot be read or is too large.
sub read_bounded {
  my ($path) = @_;
  sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return undef;
  return undef if !-f $file;
  my $bytes = '';
  while (length $bytes <= $MOST_BYTES) {
    my $count = sysread($file, $bytes, 65536, length $bytes) // return undef;
    last if $count == 0;
  }
  close $file;
  return undef if length $bytes > $MOST_BYTES || !utf8::decode($bytes);
  return $bytes;
}

# Whole or not at all.
sub write_file {
  my ($path, $text, $mode) = @_;
  (my $folder = $path) =~ s{/[^/]*$}{};
  make_folder($folder);
  my $partial = "$path.new";
  unlink $partial;
  my $file;
  my $written = sysopen($file, $partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)
    && binmode($file, ':utf8')
    && print({$file} $text)
    && close($file)
    && chmod($mode, $partial)
    && rename($partial, $path);
  return 1 if $written;
  $wrong = 1;
  announce("$path cannot be written: $!");
  return 0;
}

sub make_folder {
  my ($folder) = @_;
  return if -d $folder;
  (my $above = $folder) =~ s{/[^/]*$}{};
  make_folder($above) if $above ne '';
  mkdir $folder, 0755;
}
`;
