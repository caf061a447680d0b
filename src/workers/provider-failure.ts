import type { Cause } from "../core/outcome.ts";

/** A model call that failed for good, after the host's own retries. */
export interface ProviderFailure {
  readonly cause: Extract<Cause, "rate_limited" | "self_exit">;
  readonly kind: "rate_limit" | "quota" | "auth" | "model" | "overflow" | "network" | "refused";
  /** True when the same model may answer a later try. */
  readonly retryable: boolean;
}

const kinds: Readonly<Record<ProviderFailure["kind"], Omit<ProviderFailure, "kind">>> = {
  rate_limit: { cause: "rate_limited", retryable: true },
  quota: { cause: "rate_limited", retryable: false },
  auth: { cause: "self_exit", retryable: false },
  model: { cause: "self_exit", retryable: false },
  overflow: { cause: "self_exit", retryable: false },
  network: { cause: "self_exit", retryable: true },
  refused: { cause: "self_exit", retryable: false },
};

/**
 * What kind of failure an assistant message's `errorMessage` reports. The HTTP status and the provider's own error
 * type decide where the text carries them; words decide only where it does not.
 */
export function classifyProviderFailure(errorMessage: string): ProviderFailure {
  const codes = structuredCodes(errorMessage);
  const kind = byCode(codes, errorMessage) ?? byWords(errorMessage) ?? "network";
  return { kind, ...kinds[kind] };
}

/** True when what a host printed before its session opened says that the model or its key is the trouble. */
export function isModelTrouble(stderr: string): boolean {
  return /Model "[^"]*" not found|Unknown provider "|No models available|No model selected|No API key found/i.test(
    stderr,
  );
}

interface Codes {
  readonly status: number | undefined;
  /** `error.type`, `error.code` and `error.status` of an embedded JSON body, lower case. */
  readonly names: readonly string[];
}

function structuredCodes(text: string): Codes {
  const status =
    /^\s*(?:error:?\s*)?(\d{3})\b/i.exec(text)?.[1] ??
    /\bstatus(?:[ _]?code)?["':= ]+(\d{3})\b/i.exec(text)?.[1];
  const names = [...text.matchAll(/"(?:type|code|status)"\s*:\s*"?([\w.-]+)"?/g)].map((match) =>
    (match[1] ?? "").toLowerCase(),
  );
  const numeric = names.find((name) => /^[45]\d\d$/.test(name));
  return {
    status: status !== undefined ? Number(status) : numeric !== undefined ? Number(numeric) : undefined,
    names,
  };
}

function byCode({ status, names }: Codes, text: string): ProviderFailure["kind"] | undefined {
  const named = (...words: string[]): boolean => names.some((name) => words.includes(name));
  if (named("insufficient_quota", "billing_error", "credit_balance_too_low") || status === 402)
    return "quota";
  if (named("context_length_exceeded", "request_too_large") || status === 413) return "overflow";
  if (named("rate_limit_error", "rate_limit_exceeded", "resource_exhausted", "overloaded_error"))
    return "rate_limit";
  if (named("authentication_error", "permission_error", "invalid_api_key", "unauthenticated")) return "auth";
  if (named("not_found_error", "model_not_found")) return "model";
  if (status === undefined) return undefined;
  if (status === 429 || status === 529) return "rate_limit";
  if (status === 401 || status === 403) return "auth";
  if (status === 404) return "model";
  if (status === 408 || status >= 500) return "network";
  return status >= 400 ? (byWords(text) ?? "refused") : undefined;
}

function byWords(text: string): ProviderFailure["kind"] | undefined {
  if (/insufficient.?quota|billing|credit balance|exceeded your current quota/i.test(text)) return "quota";
  if (/rate.?limit|too many requests|throttl|overloaded/i.test(text)) return "rate_limit";
  if (/context.?(window|length)|prompt (is )?too long|too many tokens|maximum prompt length/i.test(text))
    return "overflow";
  if (/api.?key|unauthori[sz]ed|authenticat|forbidden|credential/i.test(text)) return "auth";
  if (/model.{0,80}(not found|does not exist|not supported|unknown)|unknown model/i.test(text))
    return "model";
  return undefined;
}
