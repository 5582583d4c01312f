import '@cloudscape-design/global-styles/index.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { showMode } from './app/preferences.ts';
import './app/app.css';

showMode();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root.');

/** A request that was refused is not repeated; one that did not arrive is, by the SDK. */
const queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 5_000 } } });

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
