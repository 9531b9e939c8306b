/** How values are read: an OVF environment (XML), or lines. Both come from strangers. */
export const READING = String.raw`
# The properties of an OVF environment (DSP8027) by their keys, or undefined and what is wrong with it. There
# are no entities but XML's own, and no document type. Properties of other machines of a vApp are passed over.
sub parse_environment {
  my ($text) = @_;
  $text =~ s/^\x{feff}//;
  my @open;
  my %values;
  my $root;
  while (1) {
    $text =~ /\G[^<]*+/gc;
    last if pos($text) == length $text;
    next if $text =~ /\G<!--.*?-->/gcs || $text =~ /\G<\?.*?\?>/gcs || $text =~ /\G<!\[CDATA\[.*?\]\]>/gcs;
    return (undef, 'has a document type declaration, which is not read') if $text =~ /\G<!/gc;
    if ($text =~ /\G<\/([\w:.-]++)\s*+>/gc) {
      return (undef, 'is not well-formed XML') if !@open || pop(@open) ne $1;
      next;
    }
    $text =~ /\G<([\w:.-]++)((?:\s++[\w:.-]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))*+)\s*+(\/?)>/gc
      or return (undef, 'is not well-formed XML');
    my ($name, $attributes, $is_empty) = ($1, $2, $3);
    return (undef, 'is not well-formed XML') if !@open && defined $root;
    $root //= local_name($name);
    push @open, $name;
    return (undef, 'is nested too deeply') if @open > 32;
    if (join('/', map { local_name($_) } @open) eq 'Environment/PropertySection/Property') {
      my ($key, $value);
      while ($attributes =~ /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g) {
        my ($attribute, $raw) = ($1, $2 // $3);
        my $decoded = decode_entities($raw) // return (undef, 'has an entity that is not XML\'s own');
        $key = $decoded if local_name($attribute) eq 'key';
        $value = $decoded if local_name($attribute) eq 'value';
      }
      $values{$key} = $value // '' if defined $key;
      return (undef, "has more than $MOST_VALUES properties") if keys %values > $MOST_VALUES;
    }
    pop @open if $is_empty;
  }
  return (undef, 'is not well-formed XML') if @open;
  return (undef, 'is no OVF environment') if ($root // '') ne 'Environment';
  return (\%values, undef);
}

sub local_name {
  my ($name) = @_;
  $name =~ s/^.*://;
  return $name;
}

my %ENTITIES = (lt => '<', gt => '>', amp => '&', quot => '"', apos => "'");

# Undefined for an entity that is not XML's own. A line's end in an attribute is a blank.
sub decode_entities {
  my ($raw) = @_;
  $raw =~ tr/\t\n\r/   /;
  my $decoded = '';
  while ($raw =~ /\G([^&]*+)(?:&([^;&]{1,10});|(&))?/gc) {
    $decoded .= $1;
    return undef if defined $3;
    last if !defined $2;
    my $name = $2;
    my $code = $name =~ /^#([0-9]{1,7})$/ ? $1 : $name =~ /^#x([0-9a-fA-F]{1,6})$/ ? hex $1 : undef;
    if (defined $code) {
      return undef if $code == 0 || $code > 0x10ffff || ($code >= 0xd800 && $code < 0xe000);
      $decoded .= chr $code;
    } else {
      $decoded .= $ENTITIES{$name} // return undef;
    }
  }
  return $decoded;
}

# A key, =, and its value, on a line of its own. Quotes around a value are taken off.
sub parse_lines {
  my ($text) = @_;
  $text =~ s/^\x{feff}//;
  my %values;
  my $number = 0;
  for my $line (split /\r?\n|\r/, $text) {
    $number++;
    next if $line =~ /^\s*(?:#|$)/;
    $line =~ /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/ or return (undef, "has a line $number that is no KEY=VALUE");
    my ($key, $value) = ($1, $2);
    $value = $2 if $value =~ /^(["'])(.*)\g1$/;
    # Several SSH keys, a line each.
    $values{$key} = $key eq 'ssh-key' && defined $values{$key} ? "$values{$key} $value" : $value;
    return (undef, "has more than $MOST_VALUES lines") if keys %values > $MOST_VALUES;
  }
  return (\%values, undef);
}
`;
