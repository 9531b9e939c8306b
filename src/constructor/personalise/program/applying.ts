/** What is done with the values. What the last boot has done already is not done again. */
export const APPLYING = String.raw`
# Notes what is done with a property; false when that was done before.
sub is_new {
  my ($key, $outcome, $before) = @_;
  $outcome{$key} = $outcome;
  return ($before->{$key} // '') ne $outcome;
}

sub failed {
  my ($key, $complaint) = @_;
  $wrong = 1;
  $outcome{$key} = "failed: $complaint";
  announce("$key: $complaint");
}

sub apply_hostname {
  my ($name, $before) = @_;
  return if !is_new('hostname', "is $name", $before);
  my $hosts = read_bounded("$ROOT/etc/hosts") // '';
  $hosts =~ s/^127\.0\.1\.1\s.*\n?//mg;
  my ($short) = $name =~ /^([^.]+)/;
  my $names = $short eq $name ? $name : "$name $short";
  $hosts =~ s/^(127\.0\.0\.1\s.*\n)/$1 . "127.0.1.1 $names\n"/me or $hosts .= "127.0.1.1 $names\n";
  write_file("$ROOT/etc/hosts", $hosts, 0644);
  write_file("$ROOT/etc/hostname", "$name\n", 0644);
  if (open my $kernel, '>', "$ROOT/proc/sys/kernel/hostname") {
    print {$kernel} $name;
    close $kernel;
  }
  announce("the host name is $name");
}

# Address, gateway and name servers belong together: one that is wrong leaves the network as it was. Scripts
# get those that are used.
sub apply_network {
  my ($declared, $values, $before) = @_;
  my @keys = ('address', 'gateway', 'dns');
  return if !grep { defined $values->{$_} } @keys;
  my ($address, $gateway, $dns) = network_of($declared, $values);
  if (!defined $address) {
    $outcome{$_} //= 'refused: it is used together with what is refused' for grep { defined $values->{$_} } @keys;
    delete @$values{@keys};
    return;
  }
  @$values{@keys} = ($address, $gateway, $dns);
  my @servers = split / /, $dns;
  my $words = join ', ', $address, $gateway eq '' ? () : "gateway $gateway", @servers ? "name servers $dns" : ();
  return if !is_new('address', "is $words", $before);
  my @settings = $address eq 'dhcp' ? ('DHCP=yes') : ("Address=$address", $gateway eq '' ? () : "Gateway=$gateway");
  push @settings, map { "DNS=$_" } @servers;
  push @settings, '', '[DHCPv4]', 'UseDomains=yes', @servers ? 'UseDNS=no' : () if $address eq 'dhcp';
  my @match = ('# From the properties of this machine; goes before 80-wired.network.', '[Match]', 'Type=ether', 'Kind=!*');
  my $text = join "\n", @match, '', '[Network]', @settings, '';
  announce("the network is $words") if write_file("$ROOT/etc/systemd/network/70-properties.network", $text, 0644);
}

# Address, gateway and name servers; nothing when they cannot be used. The appliance's own gateway and name
# servers are of the network that it came with, and importers hand them over whatever the address is: they
# are left out where they do not fit, and refused only when somebody else has named them.
sub network_of {
  my ($declared, $values) = @_;
  return if !defined $values->{address} && $declared->{address}{required};
  return if grep { ($outcome{$_} // '') =~ /^refused/ } 'address', 'gateway', 'dns';
  my %own = map { $_ => own_value($declared->{$_}) } 'address', 'gateway', 'dns';
  my ($address, $gateway, $dns) = map { $values->{$_} // $own{$_} } 'address', 'gateway', 'dns';
  my $is_own_gateway = $gateway eq $own{gateway};
  my $complaint = $gateway eq '' ? undef
    : $address eq 'dhcp' ? 'needs an address; dhcp has its own gateway'
    : gateway_complaint($address, $gateway);
  if (defined $complaint && !$is_own_gateway) {
    refuse('gateway', $complaint, 'the network');
    return;
  }
  $gateway = '' if defined $complaint;
  $dns = '' if $address eq 'dhcp' && $dns eq $own{dns};
  return ($address, $gateway, $dns);
}

sub gateway_complaint {
  my ($address, $gateway) = @_;
  my ($own, $length) = split /\//, $address;
  my $own_bits = address_bits($own);
  my $bits = address_bits($gateway);
  return 'is not of the same IP version as the address' if length $bits != length $own_bits;
  return 'is the address of this machine' if $bits eq $own_bits;
  return undef if length $bits == 128 && substr($bits, 0, 10) eq '1111111010';
  return substr($bits, 0, $length) eq substr($own_bits, 0, $length) ? undef : 'is not in the network of the address';
}

sub apply_ssh_key {
  my ($property, $keys, $before) = @_;
  my $user = $property->{user};
  my @keys = split /\n/, $keys;
  my $what = join ', ', map { fingerprint_words($_) } @keys;
  return if !is_new('ssh-key', "may log in as $user: $what", $before);
  my ($uid, $gid, $home) = account($user);
  return failed('ssh-key', "there is no user $user") if !defined $home;
  my $folder = "$ROOT$home/.ssh";
  my $path = "$folder/authorized_keys";
  for my $place ($folder, $path) {
    my @facts = lstat $place or next;
    my $is_plain = $place eq $folder ? S_ISDIR($facts[2]) : S_ISREG($facts[2]);
    return failed('ssh-key', "$place is a link or something else that is not expected") if !$is_plain;
  }
  make_folder($folder);
  my $now = read_bounded($path) // '';
  $now .= "\n" if $now ne '' && $now !~ /\n\z/;
  my %there = map { $_ => 1 } split /\n/, $now;
  $now .= join '', map { "$_\n" } grep { !$there{$_} } @keys;
  write_file($path, $now, 0600) or return;
  chmod 0700, $folder;
  chown($uid, $gid, $folder, $path) == 2 or return failed('ssh-key', "$path cannot be given to $user");
  announce("$what may log in as $user");
}

# The comment of a key, or its type.
sub fingerprint_words {
  my ($key) = @_;
  my ($type, undef, $comment) = split / +/, $key, 3;
  return shown($comment // "a key of the type $type");
}

sub account {
  my ($user) = @_;
  for my $line (split /\n/, read_bounded("$ROOT/etc/passwd") // '') {
    my ($name, undef, $uid, $gid, undef, $home) = split /:/, $line;
    return ($uid, $gid, $home) if $name eq $user;
  }
  return;
}

sub apply_password {
  my ($property, $password, $before) = @_;
  my $user = $property->{user};
  return if !is_new('password', "of $user is set", $before);
  my ($status) = run_program(['chpasswd'], "$user:$password\n");
  return failed('password', "chpasswd has refused it for $user, with exit status $status") if $status != 0;
  announce("$user has a password");
}

sub environment_name {
  my ($key) = @_;
  (my $name = uc $key) =~ tr/-/_/;
  return "PROPERTY_$name";
}

# The file that scripts and services read: a shell and systemd understand it alike.
sub hand_on {
  my ($declared, $values, $missing, $before) = @_;
  my $text = "# The properties of this machine, for scripts and services.\n";
  my %earlier = read_values();
  my %environment;
  for my $property (@$declared) {
    next if $property->{kind} eq 'password';
    my $name = environment_name($property->{key});
    my $value = $values->{ $property->{key} } // ($property->{own} ? '' : $earlier{$name});
    next if !defined $value;
    $value =~ s/\n/ /g;
    $environment{$name} = $value;
    (my $escaped = $value) =~ s/(["\\\$\x60])/\\$1/g;
    $text .= "$name=\"$escaped\"\n";
  }
  my $earlier = read_bounded($VALUES);
  my $is_new = !defined $earlier || $earlier ne $text || ($before->{scripts} // '') =~ /^failed/;
  write_file($VALUES, $text, 0600) if $is_new;
  if ($missing) {
    note('scripts are not run: they would miss a value');
  } elsif ($is_new) {
    run_scripts(%environment);
  }
}

sub read_values {
  my %values;
  for my $line (split /\n/, read_bounded($VALUES) // '') {
    my ($name, $escaped) = $line =~ /^(PROPERTY_[A-Z0-9_]+)="(.*)"$/ or next;
    $escaped =~ s/\\(.)/$1/g;
    $values{$name} = $escaped;
  }
  return %values;
}

sub run_scripts {
  my (%environment) = @_;
  my $folder = "$SETTINGS/personalise.d";
  opendir(my $listing, $folder) or return;
  for my $name (sort grep { /^[A-Za-z0-9_][A-Za-z0-9_.-]*\z/ } readdir $listing) {
    my $path = "$folder/$name";
    next if !-f $path || !-x _;
    note("running $path");
    my $child = fork // next;
    if ($child == 0) {
      for my $variable (keys %environment) {
        my $bytes = $environment{$variable};
        utf8::encode($bytes);
        $ENV{$variable} = $bytes;
      }
      open STDIN, '<', '/dev/null';
      exec { $path } $path or exit 127;
    }
    waitpid $child, 0;
    next if $? == 0;
    my $status = $? >> 8 || 'of a signal';
    failed('scripts', "$path has ended with exit status $status");
    return;
  }
}
`;
