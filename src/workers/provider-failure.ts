import type { Cause } from "../core/outcome.ts";

/** A model call that failed for good, after the host's own retries. */
export interface ProviderFailure {
  readonly cause: Extract<Cause, "rate_limited" | "self_exit">;
  /** True when the same model may answer a later try. */
  readonly retryable: boolean;
}

const spent: ProviderFailure = { cause: "rate_limited", retryable: false };
const busy: ProviderFailure = { cause: "rate_limited", retryable: true };
const unreachable: ProviderFailure = { cause: "self_exit", retryable: true };
/** A wrong key, model or request, or one too long: the same call would fail again. */
const hopeless: ProviderFailure = { cause: "self_exit", retryable: false };

/** HTTP statuses and providers' own names of errors; the first that fits decides. */
const codes: readonly (readonly [RegExp, ProviderFailure])[] = [
  [/\b(?:402|insufficient_quota|billing_error|credit_balance_too_low)\b/i, spent],
  [/\b(?:429|529|rate_limit_\w+|resource_exhausted|overloaded_error)\b/i, busy],
  [/\b(?:context_length_exceeded|request_too_large|authentication_error|permission_error)\b/i, hopeless],
  [/\b(?:invalid_api_key|unauthenticated|not_found_error|model_not_found)\b/i, hopeless],
  [/\b(?:408|5\d\d)\b/, unreachable],
  [/\b40[134]\b/, hopeless],
];
const words: readonly (readonly [RegExp, ProviderFailure])[] = [
  [/insufficient.?quota|billing|credit balance|exceeded your current quota/i, spent],
  [/rate.?limit|too many requests|throttl|overloaded/i, busy],
  [/context.?(window|length)|prompt (is )?too long|too many tokens|maximum prompt length/i, hopeless],
  [/api.?key|unauthori[sz]ed|authenticat|forbidden|credential/i, hopeless],
  [/model.{0,80}(not found|does not exist|not supported|unknown)|unknown model/i, hopeless],
];

/**
 * What an assistant message's `errorMessage` reports. The HTTP status and the provider's own error type decide where
 * the text carries them; words decide only where these do not.
 */
export function classifyProviderFailure(text: string): ProviderFailure {
  const status = /^\s*(?:error:?\s*)?(\d{3})\b|\bstatus(?:[ _]?code)?["':= ]+(\d{3})\b/i.exec(text);
  const names = [...text.matchAll(/"(?:type|code|status)"\s*:\s*"?([\w.-]+)/g)].map((match) => match[1]);
  const code = [status?.[1] ?? status?.[2], ...names].join(" ");
  const first = (table: typeof codes, subject: string): ProviderFailure | undefined =>
    table.find(([sign]) => sign.test(subject))?.[1];
  return first(codes, code) ?? first(words, text) ?? (/\b4\d\d\b/.test(code) ? hopeless : unreachable);
}

/** True when what a host printed before its session opened says that the model or its key is the trouble. */
export function isModelTrouble(stderr: string): boolean {
  return /Model "[^"]*" not found|Unknown provider "|No models available|No model selected|No API key found/i.test(
    stderr,
  );
}
