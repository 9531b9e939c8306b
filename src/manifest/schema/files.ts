/** `files` and `scripts`: what goes into the appliance besides packages, and what runs in it. */
import { z } from 'zod';
import { oneLine, rule, text } from '../field.ts';
import { OWNER, owner } from '../formats/names.ts';
import { appliancePath, hostPath, MODE, mode } from '../formats/paths.ts';
import { exactlyOne } from '../rules.ts';

/** A file's text: everything goes, but for what no text holds. */
const fileContent = () => text(() => undefined);

const shellScript = () =>
  text((script) => (script.trim() === '' ? { message: 'is empty' } : undefined));

export const fileSchema = z
  .strictObject({
    path: text(appliancePath).meta({
      description: 'Where it goes in the appliance: an absolute path. Missing folders are made.',
      examples: ['/etc/motd'],
    }),
    content: fileContent()
      .meta({
        description: 'The text of the file. Either this or `source`.',
        examples: ['Welcome.\n'],
      })
      .optional(),
    source: text(hostPath)
      .meta({
        description:
          'A file, or a folder with all that is in it, beside the manifest. Either this or `content`.',
        examples: ['site'],
      })
      .optional(),
    owner: text(owner)
      .meta({
        description: 'Who owns it, as user:group.',
        pattern: OWNER.source,
        examples: ['www-data:www-data'],
      })
      .default('root:root'),
    mode: text(mode)
      .meta({
        description:
          'Its permissions, as octal digits in quotes. Without it "0755" for a source that can be executed here and ' +
          '"0644" for all else. With a folder it goes for every file in it.',
        pattern: MODE.source,
        examples: ['0640'],
      })
      .optional(),
  })
  .check(rule(exactlyOne('a file', ['content', 'source'])));

export const scriptSchema = z
  .strictObject({
    name: oneLine()
      .meta({
        description: 'What the script does, for the progress and the log.',
        examples: ['Create the database'],
      })
      .optional(),
    run: shellScript()
      .meta({
        description:
          'The script itself. Run by /bin/sh -e unless it begins with a #! line. Either this or `file`.',
        examples: ['systemctl set-default multi-user.target'],
      })
      .optional(),
    file: text(hostPath)
      .meta({
        description: 'A script beside the manifest; begins with a #! line. Either this or `run`.',
        examples: ['create-database.sh'],
      })
      .optional(),
  })
  .check(rule(exactlyOne('a script', ['run', 'file'])));
