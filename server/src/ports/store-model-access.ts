/** What accounts sent to be let at models. */
export interface ModelAccessRows {
  /** The form of the account's use case, base64; undefined where it sent none. */
  useCaseOf(accountId: string): Promise<string | undefined>;
  setUseCase(accountId: string, form: string): Promise<void>;
}
