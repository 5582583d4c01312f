import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { navigate } from '../../app/router.ts';

export function CustomizeModel() {
  return (
    <ButtonDropdown
      variant="primary"
      items={[{ id: 'fine-tuning', text: 'Create Fine-tuning job' }]}
      onItemClick={() => navigate('/custom-models/create')}
    >
      Customize model
    </ButtonDropdown>
  );
}
