import { Component, type ReactNode } from 'react';
import { FaultAlert } from './fault-alert.tsx';

/** A page that breaks leaves the rest of the console standing; a chunk of a newer build is fetched by loading again. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <FaultAlert error={this.state.error} retry={() => window.location.reload()} />;
  }
}
