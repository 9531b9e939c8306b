/**
 * One boot of a throw-away copy of the disk, with nothing attached, from power-on to power-off: is the
 * system up, do the checks of the manifest hold, does it power off when asked?
 */
import { join } from 'node:path';
import { ConsoleLog } from '../console/console-log.ts';
import { lastSign } from '../console/signs.ts';
import { endedFromOutside } from '../hypervisors/ended-from-outside.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf } from '../system/error.ts';
import { Releases } from '../system/releases.ts';
import { formatDuration } from '../system/size.ts';
import { type BootNames, bootNames } from './boot-names.ts';
import { CheckResults } from './check-results.ts';
import { showsLogin } from './diagnosis.ts';
import type { Said } from './probe-listener.ts';
import type { ProbeMessage } from './probe-message.ts';
import type { Steps, VerifyProgress } from './progress.ts';
import { recorded } from './recorded-link.ts';
import { skipped, type VerifyCheck } from './report.ts';
import { type BootRequest, type StartedThrowAway, startThrowAway } from './throw-away-machine.ts';
import { Watch } from './watch.ts';

export interface BootResult {
  readonly checks: readonly VerifyCheck[];
  readonly screenshot: string | undefined;
}

/** Steps that one boot begins. */
export const BOOT_STEPS = 3;

/** Lines of the console that are shown with a failure. */
const CONSOLE_LINES = 12;

/** The prompt comes a little after the system is up; the picture should show it. */
const PROMPT_SECONDS = 20;

/** How often a kernel that panics under emulation is started: the fault may be the emulation's. */
const MOST_STARTS = 2;

/**
 * @throws PvmcError when the hypervisor or this computer failed, not the appliance; the signal's
 * reason when the run was ended.
 */
export async function verifyBoot(
  request: BootRequest,
  steps: Steps,
  progress: VerifyProgress,
): Promise<BootResult> {
  const names = bootNames(request.firmware);
  steps.begin(names.bootStep, names.bootTitle);
  const { acceleration } = await request.hypervisor.capabilities();
  for (let starts = 1; ; starts += 1) {
    await using releases = new Releases((what, failure) => {
      progress.log(`${what} could not be given back: ${messageOf(failure)}`, 'verify');
    });
    const started = await startThrowAway(request, { releases, progress });
    const boot = new Boot({ ...started, request, names, progress });
    const seen = await boot.waitUntilUp();
    if (!seen.panicked || acceleration.available || starts === MOST_STARTS)
      return await goOn(boot, seen, { names, steps });
    progress.notice(
      `It did not come up: ${seen.check.detail}. Emulation now and then causes that: it is started again.`,
    );
  }
}

/** The checks, the picture and the power-off. */
async function goOn(
  boot: Boot,
  seen: Seen,
  { names, steps }: { readonly names: BootNames; readonly steps: Steps },
): Promise<BootResult> {
  const checks = [seen.check];
  if (seen.probed) {
    steps.begin(names.checksStep, names.checksTitle);
    const results = await boot.runChecks();
    checks.splice(0, 1, withLaterFailures(seen.check, results.done), ...results.checks);
  } else {
    steps.skip(1);
    checks.push(...boot.skipChecks(seen.up ? 'nothing can look inside' : 'it was not up'));
  }
  const screenshot = await boot.photograph(seen.up);
  if (seen.up) {
    steps.begin(names.powerOffStep, names.powerOffTitle);
    checks.push(await boot.powerOff());
  } else {
    steps.skip(1);
    checks.push(skipped(names.powerOff, 'it was not up'));
  }
  return { checks, screenshot };
}

interface Seen {
  readonly check: VerifyCheck;
  readonly up: boolean;
  /** The probe runs the checks. */
  readonly probed: boolean;
  readonly panicked?: boolean;
}

interface BootOptions extends StartedThrowAway {
  readonly request: BootRequest;
  readonly names: BootNames;
  readonly progress: VerifyProgress;
}

class Boot {
  readonly #options: BootOptions;
  readonly #console: ConsoleLog;
  readonly #watch: Watch;
  readonly #results: CheckResults;
  #waitingFor = '';

  constructor(options: BootOptions) {
    const { request, names, running, progress, linkLogPath } = options;
    this.#options = options;
    this.#console = new ConsoleLog(options.consoleLogPath);
    this.#results = new CheckResults(request.checks, names, progress);
    this.#watch = new Watch({
      running,
      link: recorded(running.link, linkLogPath),
      console: this.#console,
      progress,
      stuckSeconds: request.limits.stuckSeconds,
      onMessage: (message) => this.#hear(message),
    });
  }

  async waitUntilUp(): Promise<Seen> {
    const started = performance.now();
    const { limits } = this.#options.request;
    const waited = await this.#watch.wait(this.#watch.probe.up, {
      limitSeconds: limits.bootSeconds,
      silenceSeconds: limits.silenceSeconds,
    });
    const name = this.#options.names.boot;
    const seconds = secondsSince(started);
    if (waited.type === 'came') return judgeUp(name, waited.value, seconds);
    if (waited.type === 'ended') this.#throwIfEndedFromOutside(waited.event);
    const lines = await this.#console.lines();
    if (!this.#options.canProbe && waited.type === 'stuck' && showsLogin(lines)) {
      const detail = 'it came to a login prompt; nothing more can be seen from outside';
      return { check: { name, outcome: 'passed', detail, seconds }, up: true, probed: false };
    }
    const detail = await this.#watch.diagnose(waited);
    const last = lines.slice(-CONSOLE_LINES);
    const check: VerifyCheck = { name, outcome: 'failed', detail, lines: last, seconds };
    const panicked =
      lastSign(lines)?.code === 'guest-panicked' ||
      (waited.type === 'ended' && waited.event.type === 'panicked');
    return { check, up: false, probed: false, panicked };
  }

  async runChecks(): Promise<{
    readonly checks: readonly VerifyCheck[];
    readonly done: Said<'done'> | undefined;
  }> {
    const { checks, limits } = this.#options.request;
    // The probe ends each check in time; it is heard before and after each.
    const silenceSeconds = limits.checkSeconds + limits.silenceSeconds;
    const waited = await this.#watch.wait(this.#watch.probe.done, {
      limitSeconds: silenceSeconds * (checks.length + 1),
      silenceSeconds,
    });
    if (waited.type === 'ended') this.#throwIfEndedFromOutside(waited.event);
    if (waited.type === 'came')
      return { checks: this.#results.judge(undefined), done: waited.value };
    const why = await this.#watch.diagnose(waited);
    return { checks: this.#results.judge(why), done: undefined };
  }

  skipChecks(why: string): readonly VerifyCheck[] {
    return this.#results.skip(why);
  }

  /** The picture's path; undefined when none could be taken. */
  async photograph(up: boolean): Promise<string | undefined> {
    const { request, running, progress } = this.#options;
    const path = join(request.folder, 'screen.png');
    if (up) await this.#waitForPrompt();
    try {
      await running.screenshot(path);
      return path;
    } catch (thrown) {
      progress.notice(`no picture of the screen could be taken: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  async powerOff(): Promise<VerifyCheck> {
    const { request, names, running, progress } = this.#options;
    const started = performance.now();
    await running.requestPowerOff().catch((thrown: unknown) => {
      // A machine that has just ended has no button any more; how it ended is looked at below.
      progress.log(`the power button could not be pressed: ${messageOf(thrown)}`, 'verify');
    });
    const waited = await this.#watch.waitForEnd(request.limits.powerOffSeconds);
    const seconds = secondsSince(started);
    if (waited.type === 'ended') {
      this.#throwIfEndedFromOutside(waited.event);
      if (waited.event.type === 'stopped')
        return { name: names.powerOff, outcome: 'passed', seconds };
    }
    const detail =
      waited.type === 'too-long'
        ? `it was still on after ${formatDuration(waited.seconds)}`
        : await this.#watch.diagnose(waited);
    const lines = (await this.#console.lines()).slice(-CONSOLE_LINES);
    return { name: names.powerOff, outcome: 'failed', detail, lines, seconds };
  }

  #throwIfEndedFromOutside(event: Parameters<typeof endedFromOutside>[0]): void {
    this.#options.progress.signal.throwIfAborted();
    const error = endedFromOutside(event);
    if (error) throw error;
  }

  async #waitForPrompt(): Promise<void> {
    const seen = (async () => {
      const until = performance.now() + PROMPT_SECONDS * 1000;
      while (performance.now() < until && !showsLogin(await this.#console.lines()))
        await new Promise((done) => setTimeout(done, 500));
    })();
    await this.#watch.wait(seen, { limitSeconds: PROMPT_SECONDS });
  }

  #hear(message: ProbeMessage): void {
    const { progress } = this.#options;
    this.#results.hear(message);
    if (message.type !== 'waiting') return;
    const jobs = message.jobs.join(', ');
    if (jobs !== '' && jobs !== this.#waitingFor)
      progress.log(`the boot waits for ${jobs}`, 'verify');
    this.#waitingFor = jobs;
  }
}

function judgeUp(name: string, up: Said<'up'>, seconds: number): Seen {
  const after = `${formatDuration(up.uptime)} after the kernel`;
  const failed = (detail: string): VerifyCheck => ({
    name,
    outcome: 'failed',
    detail,
    lines: up.journal,
    seconds,
  });
  switch (up.state) {
    case 'running': {
      const detail = `it was up ${after}`;
      return { check: { name, outcome: 'passed', detail, seconds }, up: true, probed: true };
    }
    case 'degraded': {
      const which = up.failed.length === 0 ? 'units' : up.failed.join(', ');
      return { check: failed(`it is up, but failed to start ${which}`), up: true, probed: true };
    }
    case 'maintenance':
      return { check: failed('the system is in emergency mode'), up: false, probed: false };
    case 'stopping':
      return { check: failed('the system shuts itself down'), up: false, probed: false };
  }
}

/**
 * A service that is started anew after each failure counts as being started, until systemd gives up:
 * a system that calls itself up may have failed a little later.
 */
function withLaterFailures(check: VerifyCheck, done: Said<'done'> | undefined): VerifyCheck {
  if (check.outcome !== 'passed' || done === undefined || done.failed.length === 0) return check;
  const detail = `it came up, and then ${done.failed.join(', ')} failed`;
  return { ...check, outcome: 'failed', detail, lines: done.journal };
}
