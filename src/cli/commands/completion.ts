/** `pvmc completion`: the shell's part of completion, to be sourced. */
import { RootCommand } from '@bomb.sh/tab';
import { Argument, type Command } from 'commander';
import { commandLine } from '../../system/run.ts';
import { examples, type OpenSession } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletion(root: Command, open: OpenSession): void {
  root
    .command('completion')
    .summary('print the completion script of a shell')
    .description(
      'Prints the script that makes a shell complete commands, options, manifests and files.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples([
        ['source <(pvmc completion bash)', 'for this shell; in ~/.bashrc for all'],
        ['source <(pvmc completion zsh)', 'the same, in ~/.zshrc after compinit'],
        ['pvmc completion fish > ~/.config/fish/completions/pvmc.fish', 'for all fish shells'],
      ]),
    )
    .action((shell: Shell, _flags: object, command: Command) => {
      const session = open(command);
      if (shell === 'bash') session.write(bashScript(self()));
      else new RootCommand().setup('pvmc', self(), shell);
    });
}

/**
 * How the script calls us: this very program, so that it works for `./pvmc` too, and a tabulator
 * never starts a launcher that installs things.
 */
function self(): string {
  const [node = 'node', script = 'pvmc'] = process.argv;
  return commandLine([node, script]);
}

/** Our own: tab's script needs bash-completion, evaluates what was typed, and cannot be sourced twice. */
function bashScript(program: string): string {
  return `# bash completion for pvmc
_pvmc_complete() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    [[ $line == :* ]] || COMPREPLY+=("$(printf %q "$line")")
  done < <(${program} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
  [[ \${COMPREPLY[*]} == *[=/] ]] && compopt -o nospace
  return 0
}
complete -F _pvmc_complete pvmc ./pvmc
`;
}
