/** What each kind of property can be: the same as the manifest's own settings of that kind. */
export const CHECKING = String.raw`
my %CHECKS = (
  hostname => \&check_hostname,
  address => \&check_address,
  gateway => \&check_ip,
  dns => \&check_dns,
  'ssh-key' => \&check_ssh_key,
  password => \&check_text,
  'own-password' => \&check_text,
  string => \&check_text,
  boolean => \&check_boolean,
  int => \&check_int,
);

# The value as it is used, or undefined and what is wrong with it. No complaint repeats a value.
sub check {
  my ($property, $value) = @_;
  my $check = $CHECKS{ $property->{kind} } // return (undef, 'is of a kind that is not known');
  if ($property->{kind} !~ /password|string/) {
    $value =~ s/^\s+|\s+$//g;
  }
  return $check->($property, $value);
}

sub check_hostname {
  my ($property, $value) = @_;
  return (undef, 'is too long for a host name') if length $value > 64;
  my $label = qr/[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?/;
  return (undef, 'is not a host name') if $value !~ /^$label(?:\.$label)*\z/;
  return $value;
}

sub check_address {
  my ($property, $value) = @_;
  return 'dhcp' if lc $value eq 'dhcp';
  my ($address, $length) = $value =~ /^([0-9A-Fa-f.:]+)\/([0-9]{1,3})\z/;
  return (undef, 'is neither dhcp nor an address with the length of its network') if !defined $length;
  my $bits = address_bits($address) // return (undef, 'is not an address');
  my $all = length $bits;
  return (undef, 'has a network of a length that cannot be') if $length < 1 || $length > $all;
  my $host = substr $bits, $length;
  return $value if $all == 128 || length $host < 2;
  return (undef, 'is the network itself') if $host !~ /1/;
  return (undef, 'is the broadcast address') if $host !~ /0/;
  return $value;
}

# 32 or 128 of 0 and 1; undefined when it is no address.
sub address_bits {
  my ($address) = @_;
  my $packed = inet_pton($address =~ /:/ ? AF_INET6 : AF_INET, $address) // return undef;
  return unpack 'B*', $packed;
}

sub check_ip {
  my ($property, $value) = @_;
  return (undef, 'is not an IP address') if $value !~ /^[0-9A-Fa-f.:]+\z/ || !defined address_bits($value);
  return $value;
}

sub check_dns {
  my ($property, $value) = @_;
  my @servers = grep { $_ ne '' } split /[\s,;]+/, $value;
  return (undef, 'has more than 8 name servers') if @servers > 8;
  for my $server (@servers) {
    my (undef, $complaint) = check_ip($property, $server);
    return (undef, 'has a name server that is not an IP address') if defined $complaint;
  }
  return join ' ', @servers;
}

my $KEY_TYPE = qr/(?:sk-)?(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))(?:\@openssh\.com)?/;

# One line a key. Importers make one line of several, so that each begins where a type and its base64 are.
sub check_ssh_key {
  my ($property, $value) = @_;
  return (undef, 'is a private key, which must be given to nobody') if $value =~ /PRIVATE KEY/;
  $value =~ s/[\t\r\n]/ /g;
  return (undef, 'has control characters') if $value =~ /\p{Cc}/;
  my @keys = split /[\s,;]+(?=$KEY_TYPE\s+AAAA)/, $value;
  return (undef, 'has more than 64 keys') if @keys > 64;
  for my $key (@keys) {
    my ($type, $base64) = $key =~ /^($KEY_TYPE) +(AAAA[A-Za-z0-9+\/]+={0,2})(?: [^\p{Cc}]*)?\z/;
    return (undef, 'is not an SSH public key, the line of a .pub file') if !defined $base64;
    my $damaged = 'is not a whole SSH public key; part of it may be lost';
    return (undef, $damaged) if length($base64) % 4 != 0;
    my $bytes = decode_base64($base64);
    my @parts;
    while (length $bytes >= 4) {
      my $length = unpack 'N', $bytes;
      return (undef, $damaged) if $length > length($bytes) - 4;
      push @parts, substr $bytes, 4, $length;
      $bytes = substr $bytes, 4 + $length;
    }
    return (undef, $damaged) if $bytes ne '' || @parts < 2 || $parts[0] ne $type;
  }
  return join "\n", @keys;
}

# perl-base has no MIME::Base64.
sub decode_base64 {
  my ($text) = @_;
  $text =~ tr{A-Za-z0-9+/}{}cd;
  my $bits = join '', map { sprintf '%06b', index('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', $_) } split //, $text;
  return pack 'B*', substr $bits, 0, length($bits) - length($bits) % 8;
}

sub check_text {
  my ($property, $value) = @_;
  return (undef, 'has control characters or more than one line') if $value =~ /\p{Cc}/;
  my $length = length $value;
  return (undef, 'has too few characters') if defined $property->{min} && $length < $property->{min};
  return (undef, 'has too many characters') if $length > ($property->{max} // 4096);
  my @choices = @{ $property->{choices} };
  return (undef, 'is not one of: ' . join(', ', @choices)) if @choices && !grep { $_ eq $value } @choices;
  return $value;
}

sub check_boolean {
  my ($property, $value) = @_;
  return 'true' if $value =~ /^(?:true|yes|on|1)\z/i;
  return 'false' if $value =~ /^(?:false|no|off|0)\z/i;
  return (undef, 'is neither true nor false');
}

sub check_int {
  my ($property, $value) = @_;
  return (undef, 'is not a whole number') if $value !~ /^[+-]?[0-9]{1,10}\z/;
  $value += 0;
  my $min = $property->{min} // -2147483648;
  my $max = $property->{max} // 2147483647;
  return (undef, "is not between $min and $max") if $value < $min || $value > $max;
  return "$value";
}
`;
