/** The manifest's checks as the probe tells of them, and what becomes of them in the report. */
import type { BootNames } from './boot-names.ts';
import { type ApplianceCheck, checkTitle } from './check.ts';
import type { Said } from './probe-listener.ts';
import type { ProbeMessage } from './probe-message.ts';
import type { VerifyProgress } from './progress.ts';
import { skipped, type VerifyCheck } from './report.ts';

export class CheckResults {
  readonly #checks: readonly ApplianceCheck[];
  readonly #names: BootNames;
  readonly #progress: VerifyProgress;
  /** Uptimes at which checks were started. */
  readonly #started = new Map<number, number>();
  readonly #finished = new Map<number, Said<'check-finished'>>();

  constructor(checks: readonly ApplianceCheck[], names: BootNames, progress: VerifyProgress) {
    this.#checks = checks;
    this.#names = names;
    this.#progress = progress;
  }

  hear(message: ProbeMessage): void {
    if (message.type === 'check-started') this.#started.set(message.check, message.uptime);
    if (message.type !== 'check-finished') return;
    this.#finished.set(message.check, message);
    const total = this.#checks.length;
    this.#progress.amount({ done: this.#finished.size, total, unit: 'steps' });
  }

  /** `interruption` says why the probe did not come to its end, if it did not. */
  judge(interruption: string | undefined): readonly VerifyCheck[] {
    return this.#checks.map((check, index) => {
      const name = this.#names.check(checkTitle(check));
      const finished = this.#finished.get(index);
      if (finished) return this.#judgeFinished(check, name, finished);
      const why = interruption ?? 'the probe did not come to it';
      if (!this.#started.has(index)) return skipped(name, why);
      return { name, outcome: 'failed', detail: `it did not end: ${why}`, seconds: 0 };
    });
  }

  skip(why: string): readonly VerifyCheck[] {
    return this.#checks.map((check) => skipped(this.#names.check(checkTitle(check)), why));
  }

  #judgeFinished(
    check: ApplianceCheck,
    name: string,
    { check: index, status, output, uptime }: Said<'check-finished'>,
  ): VerifyCheck {
    const seconds = Math.max(0, uptime - (this.#started.get(index) ?? uptime));
    if (status === 0) return { name, outcome: 'passed', seconds };
    if ('command' in check)
      return { name, outcome: 'failed', detail: `exit status ${status}`, lines: output, seconds };
    const [detail = `exit status ${status}`, ...lines] = output;
    return { name, outcome: 'failed', detail, lines, seconds };
  }
}
